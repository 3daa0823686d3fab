"""Shared by the checks of this folder: a server that is killed and restarted, and a swarm that plays on it meanwhile."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RELEASE = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"

# The longest wait for a condition, in seconds; then the check fails.
PATIENCE_S = 30


def build():
    subprocess.run(["cargo", "build", "--release", "--quiet", "--locked", "--bin", "quarrel", "--bin", "swarm"], cwd=ROOT, check=True)


def wait_for(what, condition, patience=PATIENCE_S, every=0.01):
    """Returns the condition's value as soon as it is true; `what` describes the condition in the error."""
    end = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience} s: {what() if callable(what) else what}")
        time.sleep(every)


class Server:
    """A server with its own data directory. The system chooses its ports at the first start, and later starts use them again."""

    def __init__(self, work, *arguments, environment=None):
        self.work, self.data = Path(work), Path(work) / "data"
        self.arguments, self.environment = arguments, {**os.environ, **(environment or {})}
        self.players = self.http = "127.0.0.1:0"
        self.starts, self.process = 0, None

    def start(self, *arguments):
        self.starts += 1
        self.log = self.work / f"server-{self.starts}.log"
        command = [RELEASE / "quarrel", "serve", "--listen", self.players, "--http", self.http, "--data-dir", self.data]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, *self.arguments, *arguments], stderr=log, stdout=subprocess.DEVNULL, env=self.environment
            )
        serving = wait_for(lambda: "the server serves:\n" + self.log.read_text(), lambda: self.log_lines("serving") or self.ended())
        assert serving is not True, "the server did not start:\n" + self.log.read_text()
        self.players, self.http = serving[0]["address"], serving[0]["http"]
        return self

    def ended(self):
        return self.process.poll() is not None

    def log_lines(self, message):
        """Returns the fields of each log line whose message starts like this."""
        lines = [line for line in self.log.read_text().splitlines() if f'"message":"{message}' in line]
        return [self.fields(line) for line in lines if line.endswith("}")]

    @staticmethod
    def fields(line):
        line = json.loads(line)
        spans = {key: value for span in line.get("spans", []) for key, value in span.items()}
        return {**spans, **line, **line.get("fields", {})}

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.http}{path}", timeout=5) as answer:
            return answer.read().decode()

    def rooms(self):
        return {room["id"]: room for room in json.loads(self.get("/v1/rooms"))["rooms"]}

    def seats(self):
        """Returns the room and seat of each seated player, by name."""
        players = json.loads(self.get("/v1/players"))["players"]
        return {player["name"]: (player["room"], player["seat"]) for player in players if player["room"] is not None}

    def metric(self, name):
        found = re.search(rf"^quarrel_{name} (\S+)$", self.get("/metrics"), re.MULTILINE)
        return float(found.group(1)) if found else None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE_S)

    def journals(self):
        return sorted((self.data / "journals").glob("*.journal"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and not self.ended():
            self.kill()


class Swarm:
    """A swarm that plays until `finish`."""

    def __init__(self, work, server, *arguments):
        self.report_file, self.log = Path(work) / "report.json", Path(work) / "swarm.log"
        command = [RELEASE / "swarm", "run", "--server", server.players, "--report", self.report_file]
        # The server is tested here, not whether a busy machine keeps the swarm's schedule.
        command += ["--max-lag-ms", "60000"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen([*command, *arguments], stdout=log, stderr=log)

    def finish(self):
        """Ends the run unless it has ended, and returns its report."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=PATIENCE_S)
        assert self.report_file.exists(), "no report:\n" + self.log.read_text()
        return json.loads(self.report_file.read_text())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def replay(verb, journal, *arguments):
    """Runs `quarrel replay`; returns its exit code and its output."""
    command = [RELEASE / "quarrel", "replay", verb, *arguments, journal]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)
    return done.returncode, done.stdout, done.stderr


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else None

"""Runs correctness.py over kernels in several processes, and outlives what they do."""

import json
import pathlib
import queue
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
START_SECONDS = 180


class Checks:
    """Starts at once. Each check has a time limit, after which its process is killed."""

    def __init__(self, files, arguments, workers, seconds):
        self.arguments = arguments
        self.seconds = seconds
        self.results = {}  # by file: the event, with "error"
        # Neighbours share their reference, so every worker gets a run of them.
        size = -(-len(files) // workers) if files else 1
        shares = [files[i : i + size] for i in range(0, len(files), size)]
        self.threads = [threading.Thread(target=self._share, args=(s,), daemon=True) for s in shares]
        for thread in self.threads:
            thread.start()

    def wait(self):
        for thread in self.threads:
            thread.join()
        return self.results

    def _share(self, files):
        remaining = [str(f) for f in files]
        while remaining:
            try:
                done = self._process(remaining)
            except OSError as e:
                done = self._fail(remaining, f"the check does not start: {e}")
            remaining = [f for f in remaining if f not in done]

    def _fail(self, files, reason):
        for f in files:
            self.results[f] = {"measures": {}, "error": reason}
        return set(files)

    def _process(self, files):
        """Checks files in one new process; those that have a result after it."""
        done, current = set(), None
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [sys.executable, str(HERE / "correctness.py"), *self.arguments, *files],
                stdout=subprocess.PIPE, stderr=errors, text=True, errors="replace",
            )  # fmt: skip
            lines = queue.Queue()
            threading.Thread(target=_drain, args=(process.stdout, lines), daemon=True).start()
            deadline = time.monotonic() + START_SECONDS
            try:
                while True:
                    try:
                        line = lines.get(timeout=max(0.01, deadline - time.monotonic()))
                    except queue.Empty:
                        if current is None:
                            return done | self._fail(
                                set(files) - done, f"no check started in {START_SECONDS} s"
                            )
                        return done | self._fail(
                            [current], f"no result after {self.seconds:g} s: it hangs"
                        )
                    if line is None:
                        break
                    if not line.startswith("@@"):
                        continue
                    event = json.loads(line[2:])
                    if event["event"] == "start":
                        current = event["file"]
                        deadline = time.monotonic() + self.seconds
                    else:
                        self.results[event["file"]] = event
                        done.add(event["file"])
                        current, deadline = None, time.monotonic() + START_SECONDS
            finally:
                process.kill()
                try:
                    status = process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    status = None  # the driver holds it; it ends when it can
            errors.seek(0)
            text = errors.read().decode(errors="replace").strip().splitlines()
            reason = f"the check ended with status {status}: {' / '.join(text[-3:])}"
            if current is not None:
                return done | self._fail([current], reason)
            return done or self._fail(files, reason)


def _drain(stream, lines):
    for line in stream:
        lines.put(line)
    lines.put(None)

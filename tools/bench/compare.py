"""Checks and times compiled attention kernels beside PyTorch's, on one GPU.

    python3 tools/bench/compare.py --kernels DIR [--quick] [--json FILE]

DIR holds what `attune compile` wrote: NAME.json and NAME.ptx of the specs full and causal, several
variants of one spec under different names. Every kernel is first checked against float32 in a
process of its own, under a time limit; those that pass are timed together with the peers.
"""

import argparse
import collections
import json
import os
import pathlib
import queue
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "samples" / "python")]

SUITES = {"dense": ("full", "causal")}
PEERS = ("fa2", "cudnn")
START_SECONDS = 180
STALL_SECONDS = 60


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernels", required=True, type=pathlib.Path, metavar="DIR")
    parser.add_argument("--suite", default="dense", choices=sorted(SUITES))
    parser.add_argument("--peers", default=",".join(PEERS), help="of fa2,cudnn; empty for none")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--lengths", default="1024,4096,16384")
    parser.add_argument("--quick", action="store_true", help="S = 4096 only")
    parser.add_argument("--only", default="", metavar="REGEX", help="kernels whose name matches")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--workers", type=int, default=4, help="checks at the same time")
    parser.add_argument("--check-seconds", type=float, default=60, help="time limit of one check")
    parsed = parser.parse_args()
    parsed.peers = [p for p in parsed.peers.split(",") if p]
    for peer in parsed.peers:
        if peer not in PEERS:
            parser.error(f"unknown peer {peer!r}, expected one of {', '.join(PEERS)}")
    try:
        parsed.lengths = [4096] if parsed.quick else [int(x) for x in parsed.lengths.split(",")]
    except ValueError:
        parser.error(f"--lengths is {parsed.lengths!r}, expected integers separated by commas")
    if min(parsed.lengths) < 1 or parsed.rounds < 1 or parsed.workers < 1:
        parser.error("lengths, rounds and workers must be at least 1")
    if not parsed.kernels.is_dir():
        parser.error(f"{parsed.kernels} is no directory")
    return parsed


def find(directory, suite, only):
    """({manifest file: manifest} of the suite, {name: reason} of what is left out)."""
    kernels, left_out = {}, {}
    for file in sorted(directory.glob("*.json")):
        if not re.search(only, file.stem):
            continue
        try:
            m = json.loads(file.read_text())
            dim = m["head_dim"]
            if m["spec"] not in SUITES[suite]:
                left_out[file.stem] = f"spec {m['spec']} is not in the suite {suite}"
            elif dim["qk"] != dim["v"] or 2048 % dim["qk"]:
                left_out[file.stem] = f"head dim {dim['qk']},{dim['v']} is not in the suite"
            elif m["dtype"] not in ("bf16", "f16"):
                left_out[file.stem] = f"dtype {m['dtype']} is not in the suite"
            else:
                kernels[file] = m
        except (OSError, ValueError, KeyError, TypeError) as e:
            left_out[file.stem] = f"no manifest: {type(e).__name__}: {e}"
    order = sorted(kernels, key=lambda f: (kernels[f]["head_dim"]["qk"], kernels[f]["spec"], f.stem))
    return {f: kernels[f] for f in order}, left_out


class Checks:
    """Runs correctness.py over the kernels in several processes, and outlives what they do."""

    def __init__(self, files, lengths, workers, seconds):
        self.lengths = ",".join(map(str, lengths))
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
                [sys.executable, str(HERE / "correctness.py"), "--lengths", self.lengths, *files],
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


class Report:
    """Everything known so far; printed and written once, by whoever ends the program."""

    def __init__(self, options, left_out):
        self.options = options
        self.left_out = left_out
        self.checks = {}
        self.device = {}
        self.contenders = []
        self.failures = {}
        self.notes = []
        self._lock = threading.Lock()
        self._published = False

    def publish(self):
        with self._lock:
            if self._published:
                return
            self._published = True
            contenders = list(self.contenders)
            self._table(contenders)
            if self.options.json:
                self.options.json.write_text(json.dumps(self._json(contenders), indent=1) + "\n")
            sys.stdout.flush()

    def _json(self, contenders):
        return {
            "device": self.device,
            "tokens": 16384,
            "hidden": 2048,
            "rounds": self.options.rounds,
            "checks": self.checks,
            "rows": [c.row() | {"ratio": ratios(c, contenders)} for c in contenders],
            "failures": self.failures,
            "left_out": self.left_out,
            "notes": self.notes,
        }

    def _table(self, contenders):
        lengths, peers = self.options.lengths, self.options.peers
        by_row = collections.defaultdict(dict)
        for c in contenders:
            by_row[(c.dim, c.dtype, c.spec, not c.peer, c.name)][c.length] = c
        best = {}
        for c in contenders:
            if not c.peer and c.tflops and c.tflops > best.get(c.group, 0):
                best[c.group] = c.tflops
        width = max([len(key[-1]) for key in by_row] + [6])
        head = f"{'kernel':{width}} reg loc  rel.err"
        for length in lengths:
            head += f" | S={length:<6}   ms  TF/s" + "".join(f" {'/' + p:>6}" for p in peers)
        if self.device:
            d = self.device
            print(f"{d['name']}, torch {d['torch']}, cuDNN {d['cudnn']}, {d['nvidia_smi']}")
        previous = None
        for key in sorted(by_row):
            dim, dtype, spec, own, name = key
            if previous != (dim, dtype, spec):
                previous = (dim, dtype, spec)
                print(f"-- {spec} d{dim} {dtype}: TFLOP/s, ratios above 1 are faster than the peer")
                print(head)
            check = self.checks.get(name, {}) if own else {}
            rel = check.get("measures", {}).get("rel")
            line = f"{name:{width}} {_cell(check.get('registers'), 3)} "
            line += f"{_cell(check.get('local_bytes'), 3)} {_cell(rel, 8, '.1e')}"
            for length in lengths:
                c = by_row[key].get(length)
                if c is None or c.error or not c.ms:
                    line += f" | {'error' if c and c.error else '-':>18}" + "       " * len(peers)
                    continue
                mark = "*" if own and c.tflops == best.get(c.group) else " "
                line += f" | {c.median_ms:12.4f}{c.tflops:5.0f}{mark}"
                ratio = ratios(c, contenders)
                line += "".join(f" {_cell(ratio.get(p), 6, '.3f')}" for p in peers)
            print(line)
        clocks = [x for c in contenders for x in c.clock_mhz]
        powers = [x for c in contenders for x in c.power_w]
        if clocks:
            print(
                f"SM clock {min(clocks)} to {max(clocks)} MHz, median {statistics.median(clocks):g};"
                f" power {min(powers):.0f} to {max(powers):.0f} W"
            )
        for name, reason in sorted(self.left_out.items()):
            print(f"left out {name}: {reason[:200]}")
        for name, reason in sorted(self.failures.items()):
            print(f"FAILED {name}: {' '.join(reason.split())[:400]}")
        for note in self.notes:
            print(note)


def ratios(contender, contenders):
    """How much faster than each peer at the same shape."""
    return {
        c.name: c.median_ms / contender.median_ms
        for c in contenders
        if c.peer and c.group == contender.group and c.ms and contender.ms
    }


def _cell(value, width, form="d"):
    return f"{'-':>{width}}" if value is None else f"{value:>{width}{form}}"


def watch(report, beat):
    """Ends the program when timing makes no progress, with what was measured until then."""
    while True:
        time.sleep(1)
        if beat and time.monotonic() - beat["at"] > STALL_SECONDS:
            report.failures["timing"] = f"no progress for {STALL_SECONDS} s in {beat['what']}"
            try:
                report.publish()
            finally:
                os._exit(4)


def measure(report, files, kernels):
    import attune
    import timing
    import torch

    beat = {}

    def progress(what):
        beat.update(what=what, at=time.monotonic())

    progress("start")
    threading.Thread(target=watch, args=(report, beat), daemon=True).start()
    report.device = timing.device()
    loaded = collections.defaultdict(list)
    for file in files:
        progress(f"loading {file.stem}")
        m = kernels[file]
        try:
            kernel = attune.load(file)
        except Exception as e:
            report.failures[file.stem] = f"{type(e).__name__}: {e}"
            continue
        loaded[(m["head_dim"]["qk"], m["dtype"])].append((file.stem, m["spec"], kernel))
    bench = timing.Bench(report.options.rounds, progress)
    bench.warm_up()
    for (dim, dtype), group in sorted(loaded.items()):
        for length in report.options.lengths:
            try:
                rows = bench.run(length, dim, dtype, group, report.options.peers)
                torch.cuda.synchronize()
            except Exception as e:
                report.failures[f"d{dim} {dtype} S={length}"] = f"{type(e).__name__}: {e}"
                try:
                    torch.cuda.synchronize()
                except Exception:
                    report.notes.append("the GPU's context is lost: the rest was not timed")
                    return
                continue
            report.contenders.extend(rows)
            for c in rows:
                if c.error:
                    where = f"{c.name} {c.spec} d{c.dim} S={c.length}"
                    report.failures[where] = c.error
    beat.clear()


def main():
    options = arguments()
    begun = time.monotonic()
    kernels, left_out = find(options.kernels, options.suite, options.only)
    report = Report(options, left_out)
    checks = Checks(list(kernels), options.lengths, options.workers, options.check_seconds)
    if kernels:
        import torch  # while the checks run

        del torch
    results = checks.wait()
    passed = []
    for file in kernels:
        result = results.get(str(file), {"measures": {}, "error": "no result"})
        report.checks[file.stem] = {
            k: result.get(k) for k in ("measures", "error", "registers", "local_bytes")
        }
        if result["error"]:
            report.failures[file.stem] = "wrong or broken: " + result["error"]
        else:
            passed.append(file)
    report.notes.append(f"{len(passed)} of {len(kernels)} kernels correct")
    checked = time.monotonic()
    if passed:
        try:
            measure(report, passed, kernels)
        except Exception as e:
            report.failures["timing"] = f"{type(e).__name__}: {e}"
    report.notes.append(
        f"checks {checked - begun:.0f} s, timing {time.monotonic() - checked:.0f} s"
    )
    report.publish()
    # A context that was lost must not hold the program at its end.
    os._exit(1 if report.failures or not passed else 0)


if __name__ == "__main__":
    main()

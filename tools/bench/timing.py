"""Times everything that computes a row beside each other on one GPU, in shuffled rounds."""

import contextlib
import dataclasses
import random
import statistics
import subprocess
import time

import torch

import peers
import variants

FLUSH_BYTES = 256 << 20
LEAST_ROUNDS = 3
COMPILE_SECONDS = 240  # peers that compile may take long
SMI = ("nvidia-smi", "--format=csv,noheader,nounits")


@dataclasses.dataclass
class Contender:
    """Something that computes one row, and what was measured of it."""

    label: str
    kind: str  # own, ref or peer
    name: str = ""  # of the kernel's files
    launch: peers.Launch | None = None
    graph: object = None
    calls: int = 1
    error: str | None = None
    unsupported: str | None = None
    info: dict = dataclasses.field(default_factory=dict)
    ms: list = dataclasses.field(default_factory=list)
    state: list = dataclasses.field(default_factory=list)  # (SM MHz, W, °C) of each round

    def json(self, operations):
        """The measurements as a JSON object."""
        median = statistics.median(self.ms) if self.ms else None
        return {
            "label": self.label, "kind": self.kind, "name": self.name, "error": self.error,
            "unsupported": self.unsupported, "median_ms": median,
            "tflops": operations / median / 1e9 if median else None,
            "ms": self.ms, "calls": self.calls, "info": self.info,
            "clock_mhz": [s[0] for s in self.state], "power_w": [s[1] for s in self.state],
            "temperature_c": [s[2] for s in self.state],
        }  # fmt: skip


@dataclasses.dataclass
class Loaded:
    """A kernel of one's own, ready to launch."""

    label: str
    name: str  # of its files
    tile: tuple  # (query rows, keys), the second None where unknown
    kernel: object
    load_ms: float  # from PTX to a loaded module


class Meter:
    """Reads the GPU's clock, power and temperature; changes nothing."""

    def __init__(self):
        self._nvml = self._handle = None
        self._smi = True
        try:
            import pynvml

            pynvml.nvmlInit()
            try:
                uuid = str(torch.cuda.get_device_properties(0).uuid)
                self._handle = pynvml.nvmlDeviceGetHandleByUUID("GPU-" + uuid)
            except Exception:
                self._handle = pynvml.nvmlDeviceGetHandleByIndex(0)
            self._nvml = pynvml
        except Exception:
            pass  # nvidia-smi knows as well

    def sample(self):
        """(SM clock in MHz, power in W, temperature in °C), or None."""
        n, h = self._nvml, self._handle
        if n is not None:
            try:
                return (
                    n.nvmlDeviceGetClockInfo(h, n.NVML_CLOCK_SM),
                    n.nvmlDeviceGetPowerUsage(h) / 1000,
                    n.nvmlDeviceGetTemperature(h, n.NVML_TEMPERATURE_GPU),
                )
            except Exception:
                self._nvml = None
        if self._smi:
            try:
                fields = "--query-gpu=clocks.sm,power.draw,temperature.gpu"
                text = subprocess.run(
                    [*SMI, "--id=0", fields], capture_output=True, text=True, timeout=5, check=True
                ).stdout
                clock, power, temperature = (float(x) for x in text.split(","))
                return clock, power, temperature
            except (OSError, ValueError, subprocess.SubprocessError):
                self._smi = False
        return None


def packed(documents, device):
    """How a kernel for packed batches is told of documents."""
    starts, most = peers.offsets(documents, device), max(documents)
    return {
        "cu_seqlens_q": starts, "cu_seqlens_kv": starts,
        "max_seqlen_q": most, "max_seqlen_kv": most,
    }  # fmt: skip


def device():
    """What is measured on, as a JSON object."""
    properties = torch.cuda.get_device_properties(0)
    query = "--query-gpu=name,driver_version,power.limit,clocks.max.sm,temperature.gpu"
    try:
        smi = subprocess.run(
            ["nvidia-smi", query, "--format=csv,noheader"],
            capture_output=True, text=True, timeout=20, check=False,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        smi = ""
    try:
        cudnn = torch.backends.cudnn.version()
    except Exception:
        cudnn = None
    return {
        "name": properties.name, "multiprocessors": properties.multi_processor_count,
        "torch": torch.__version__, "cuda": torch.version.cuda, "cudnn": cudnn, "nvidia_smi": smi,
    }  # fmt: skip


def _first_call(loaded, operands, options):
    """A launch that has been made once; how long that took from the PTX on is in its info."""
    torch.cuda.synchronize()
    start = time.perf_counter()
    run = loaded.kernel.prepare(*operands, **options)
    run()
    torch.cuda.synchronize()
    took = (time.perf_counter() - start) * 1e3
    return peers.Launch(run, info={"first_call_ms": loaded.load_ms + took})


class Bench:
    """Measures all contenders of one row after another.

    progress is called before anything that could hang, with seconds where it may take long. milliseconds is the length of one
    measurement. With graphs the launches of a measurement are one CUDA graph, which takes the
    host's share out where kernels are short.
    """

    def __init__(self, rounds, milliseconds, graphs, progress):
        self.rounds = rounds
        self.milliseconds = milliseconds
        self.graphs = graphs
        self.progress = progress
        self.meter = Meter()
        self.random = random.Random(1)
        self.flush = torch.empty(FLUSH_BYTES, dtype=torch.uint8, device="cuda")
        self.stream = torch.cuda.Stream() if graphs else None

    def warm_up(self, seconds=0.5):
        """Brings the clocks up."""
        a = torch.randn(8192, 8192, dtype=torch.bfloat16, device="cuda")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(10):
                a @ a
            torch.cuda.synchronize()

    def run(self, row, own, references, names, deadline=None):
        """(live fraction, contenders) of one row.

        own has Loaded kernels, references ReferenceKernels, names the peers. After
        `deadline` of the monotonic clock no round starts but the first three.
        """
        torch.cuda.synchronize()
        with torch.cuda.stream(self.stream) if self.stream else contextlib.nullcontext():
            live, contenders = self._prepare(row, own, references, names)
            for c in contenders:
                self._guard(row, c, self._calibrate)
            for done in range(self.rounds):
                late = deadline is not None and time.monotonic() > deadline
                if late and done >= LEAST_ROUNDS:
                    break
                order = [c for c in contenders if c.launch and not c.error]
                self.random.shuffle(order)
                for c in order:
                    self._guard(row, c, self._measure)
            for c in contenders:
                c.launch = c.graph = None  # the operands go
        return live, contenders

    def _prepare(self, row, own, references, names):
        self.progress(f"{row.title}")
        generator = torch.Generator(device="cuda").manual_seed(row.length + row.dim[0])
        kind = {"bf16": torch.bfloat16, "f16": torch.float16}[row.dtype]
        q, k, v = (
            torch.randn(
                row.batch, length, heads, dim, dtype=kind, device="cuda", generator=generator
            )
            for length, heads, dim in (
                (row.queries, row.heads, row.dim[0]),
                (row.length, row.kv_heads, row.dim[0]),
                (row.length, row.kv_heads, row.dim[1]),
            )
        )
        variant = variants.build(
            row.spec, row.params, row.batch, row.heads, row.queries, q.device, row.length
        )
        live = 0.5 if row.causal else self._live(row, variant, q.device)
        if row.documents:
            live *= sum(n * n for n in row.documents) / row.length**2
        contenders = []
        for name in names:
            c = Contender(name, "peer")
            contenders.append(c)
            self._create(row, c, lambda name=name: peers.prepare(name, row, variant, q, k, v))
        for kernel in references:
            if kernel.reference.fits(row) and not row.few and not row.documents:
                c = Contender(kernel.reference.label, "ref", kernel.reference.file)
                contenders.append(c)
                self._create(row, c, lambda kernel=kernel: peers.Launch(kernel.prepare(q, k, v)))
        for loaded in own:
            c = Contender(loaded.label, "own", loaded.name)
            contenders.append(c)
            options = {"params": dict(row.params), "tensors": variant.tensors}
            operands = (q, k, v)
            if row.documents:
                operands = tuple(x[0] for x in operands)
                options |= packed(row.documents, q.device)
            self._create(row, c, lambda k=loaded: _first_call(k, operands, options))
            tile = loaded.tile
            if tile[1] and not row.few and not row.documents:
                c.info["tiles"] = row.heads * variants.visited_tiles(
                    variant, row.batch, row.length, *tile, q.device
                )
                c.info["tile"] = f"{tile[0]}x{tile[1]}"
        return live, contenders

    def _live(self, row, variant, where):
        return variants.live_fraction(variant, row.batch, row.length, where)

    def _create(self, row, c, make):
        self.progress(f"{c.label} at {row.title}", COMPILE_SECONDS)
        try:
            c.launch = make()
            c.info |= c.launch.info
        except peers.Unsupported as e:
            c.unsupported = str(e)
        except Exception as e:
            c.error = _words(e)

    def _guard(self, row, c, action):
        if c.launch is None or c.error is not None:
            return
        self.progress(f"{c.label} at {row.title}")
        try:
            with torch.no_grad(), c.launch.context():
                action(c)
        except Exception as e:
            c.error = _words(e)

    def _calibrate(self, c):
        for _ in range(2):
            c.launch.run()
        self._finish(c)
        c.calls = 3
        ms = self._time(c)
        c.calls = max(2, min(60, round(self.milliseconds / max(ms, 1e-3))))
        if self.graphs and c.launch.finish is None:
            try:
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph, stream=self.stream):
                    for _ in range(c.calls):
                        c.launch.run()
                c.graph = graph
                c.info["graph"] = True
            except Exception as e:
                torch.cuda.synchronize()
                c.info["graph"] = f"not captured: {_words(e)}"

    def _measure(self, c):
        c.ms.append(self._time(c, sample=True))

    def _finish(self, c):
        if c.launch.finish is not None:
            c.launch.finish()
        torch.cuda.synchronize()

    def _time(self, c, sample=False):
        # Leaves the same cache behind for everyone, and keeps the GPU busy while launches queue up.
        self.flush.fill_(1)
        if c.launch.finish is not None:
            torch.cuda.synchronize()
            begun = time.perf_counter()
            for _ in range(c.calls):
                c.launch.run()
            self._finish(c)
            ms = (time.perf_counter() - begun) * 1e3
            reading = self.meter.sample() if sample else None
        else:
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            if c.graph is not None:
                c.graph.replay()
            else:
                for _ in range(c.calls):
                    c.launch.run()
            end.record()
            reading = self.meter.sample() if sample else None
            end.synchronize()
            ms = start.elapsed_time(end)
        if reading is not None:
            c.state.append(reading)
        return ms / c.calls


def _words(e):
    """An exception on one line."""
    lines = str(e).strip().splitlines()
    return f"{type(e).__name__}: {lines[0] if lines else ''}"[:300]

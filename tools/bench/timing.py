"""Times kernels and PyTorch's own attention beside each other on one GPU."""

import contextlib
import dataclasses
import random
import statistics
import subprocess
import time

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from correctness import HIDDEN, TOKENS

PEERS = {"fa2": SDPBackend.FLASH_ATTENTION, "cudnn": SDPBackend.CUDNN_ATTENTION}
MEASUREMENT_MS = 15.0
FLUSH_BYTES = 256 << 20


@dataclasses.dataclass
class Contender:
    """Something that computes one attention at one shape, and what was measured of it."""

    name: str
    peer: bool
    spec: str
    dim: int
    dtype: str
    length: int
    launch: object = None
    context: object = contextlib.nullcontext
    calls: int = 1
    error: str | None = None
    ms: list = dataclasses.field(default_factory=list)
    clock_mhz: list = dataclasses.field(default_factory=list)
    power_w: list = dataclasses.field(default_factory=list)

    @property
    def group(self):
        return self.spec, self.dim, self.dtype, self.length

    @property
    def median_ms(self):
        return statistics.median(self.ms) if self.ms else None

    @property
    def tflops(self):
        """Useful operations per second: 4·B·H·S²·D, half of it where the mask is causal."""
        if not self.ms:
            return None
        batch = max(1, TOKENS // self.length)
        operations = 4.0 * batch * HIDDEN * self.length**2
        return operations / (2 if self.spec == "causal" else 1) / self.median_ms / 1e9

    def row(self):
        """The measurements as a JSON object."""
        return {
            "name": self.name, "peer": self.peer, "spec": self.spec, "head_dim": self.dim,
            "dtype": self.dtype, "length": self.length, "batch": max(1, TOKENS // self.length),
            "heads": HIDDEN // self.dim, "error": self.error, "median_ms": self.median_ms,
            "tflops": self.tflops, "ms": self.ms, "calls": self.calls,
            "clock_mhz": self.clock_mhz, "power_w": self.power_w,
        }  # fmt: skip


class Meter:
    """Reads the GPU's clock and power; changes nothing."""

    def __init__(self):
        self._nvml = self._handle = None
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
            pass  # measured without clocks

    def sample(self):
        """(SM clock in MHz, power in W), or None."""
        if self._nvml is None:
            return None
        try:
            clock = self._nvml.nvmlDeviceGetClockInfo(self._handle, self._nvml.NVML_CLOCK_SM)
            return clock, self._nvml.nvmlDeviceGetPowerUsage(self._handle) / 1000
        except Exception:
            self._nvml = None
            return None


def device():
    """What is measured on, as a JSON object."""
    properties = torch.cuda.get_device_properties(0)
    query = "name,driver_version,power.limit,clocks.max.sm,temperature.gpu"
    try:
        smi = subprocess.run(
            ["nvidia-smi", "--query-gpu=" + query, "--format=csv,noheader"],
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


class Bench:
    """Measures all contenders of one head dim and length in shuffled rounds.

    progress is called before anything that could hang.
    """

    def __init__(self, rounds, progress):
        self.rounds = rounds
        self.progress = progress
        self.meter = Meter()
        self.random = random.Random(1)
        self.flush = torch.empty(FLUSH_BYTES, dtype=torch.uint8, device="cuda")

    def warm_up(self, seconds=0.5):
        """Brings the clocks up."""
        a = torch.randn(8192, 8192, dtype=torch.bfloat16, device="cuda")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(10):
                a @ a
            torch.cuda.synchronize()

    def run(self, length, dim, dtype, kernels, peers):
        """The contenders of one shape: `kernels` as (name, spec, kernel), and the peers."""
        self.progress(f"d{dim} S={length}")
        batch, heads = max(1, TOKENS // length), HIDDEN // dim
        generator = torch.Generator(device="cuda").manual_seed(length + dim)
        torch_dtype = {"bf16": torch.bfloat16, "f16": torch.float16}[dtype]
        q, k, v = (
            torch.randn(
                batch, length, heads, dim, dtype=torch_dtype, device="cuda", generator=generator
            )
            for _ in range(3)
        )
        contenders = []
        for name, spec, kernel in kernels:
            c = Contender(name, False, spec, dim, dtype, length)
            try:
                c.launch = kernel.prepare(q, k, v)
            except Exception as e:
                c.error = f"{type(e).__name__}: {e}"
            contenders.append(c)
        heads_first = [x.transpose(1, 2) for x in (q, k, v)]
        for spec in sorted({spec for _, spec, _ in kernels}):
            for peer in peers:
                c = Contender(peer, True, spec, dim, dtype, length)
                c.launch = _sdpa(heads_first, spec == "causal")
                c.context = lambda backend=PEERS[peer]: sdpa_kernel(backend)
                contenders.append(c)
        for c in contenders:
            self._guard(c, self._calibrate)
        for _ in range(self.rounds):
            order = [c for c in contenders if c.error is None]
            self.random.shuffle(order)
            for c in order:
                self._guard(c, self._measure)
        for c in contenders:
            c.launch = None
        return contenders

    def _guard(self, c, action):
        if c.error is not None:
            return
        self.progress(f"{c.name} {c.spec} d{c.dim} S={c.length}")
        try:
            with torch.no_grad(), c.context():
                action(c)
        except Exception as e:
            c.error = f"{type(e).__name__}: {str(e).strip().splitlines()[0] if str(e) else ''}"

    def _calibrate(self, c):
        for _ in range(2):
            c.launch()
        torch.cuda.synchronize()
        c.calls = 3
        ms = self._time(c)
        c.calls = max(2, min(40, round(MEASUREMENT_MS / max(ms, 1e-3))))

    def _measure(self, c):
        c.ms.append(self._time(c, sample=True))

    def _time(self, c, sample=False):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        # Leaves the same cache behind for everyone, and keeps the GPU busy while launches queue up.
        self.flush.fill_(1)
        start.record()
        for _ in range(c.calls):
            c.launch()
        end.record()
        reading = self.meter.sample() if sample else None
        end.synchronize()
        if reading is not None:
            c.clock_mhz.append(reading[0])
            c.power_w.append(reading[1])
        return start.elapsed_time(end) / c.calls


def _sdpa(operands, causal):
    q, k, v = operands

    def launch():
        F.scaled_dot_product_attention(q, k, v, is_causal=causal)

    return launch

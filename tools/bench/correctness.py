"""Checks compiled kernels against float32 attention: one JSON line on stdout per event.

Started by compare.py as a process of its own, with the manifests to check in order. A kernel that
faults leaves the CUDA context unusable, so the process ends after the first failure of that kind;
whoever started it continues with the rest in a new one.

    python3 correctness.py --lengths 1024,4096 FILE.json ...
"""

import argparse
import json
import math
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "samples" / "python"))

TOKENS = 16384
HIDDEN = 2048

# Relative error of all of O, of its worst row, and absolute error of LSE. Rounding the probabilities
# and O to the type costs about half the first, and a quarter of the second.
GATES = {"bf16": (5e-3, 2e-2, 5e-4), "f16": (8e-4, 4e-3, 5e-4)}
SCORES = 1 << 28  # float32 scores in memory at once
GUARD = 4096  # elements behind each output that nobody may write


def reference(torch, q, k, v, causal):
    """O and LSE in float32 for float32 arithmetic: [B, S, H, D] and [B, H, S]."""
    batch, sq, heads, dim = q.shape
    skv, group = k.shape[1], heads // k.shape[2]
    out = torch.empty(batch, sq, heads, v.shape[3], dtype=torch.float32, device=q.device)
    lse = torch.empty(batch, heads, sq, dtype=torch.float32, device=q.device)
    rows = max(1, min(sq, SCORES // (heads * skv)))
    column = torch.arange(skv, device=q.device)
    for b in range(batch):
        kt = k[b].float().repeat_interleave(group, 1).permute(1, 2, 0)
        vt = v[b].float().repeat_interleave(group, 1).transpose(0, 1)
        for first in range(0, sq, rows):
            last = min(sq, first + rows)
            s = (q[b, first:last].float().transpose(0, 1) * (1 / math.sqrt(dim))) @ kt
            if causal:
                row = torch.arange(first, last, device=q.device)
                s.masked_fill_(column[None, :] > row[:, None], -math.inf)
            l = torch.logsumexp(s, -1)
            lse[b, :, first:last] = l
            out[b, first:last] = (s.sub_(l[..., None]).exp_() @ vt).transpose(0, 1)
    return out, lse


def compare(torch, out, lse, expected, expected_lse, gates):
    """(measures, reason of failure or None)."""
    for name, x in (("O", out), ("LSE", lse)):
        bad = int((~torch.isfinite(x)).sum())
        if bad:
            where = (~torch.isfinite(x)).nonzero()[0].tolist()
            return {}, f"{name} has {bad} elements of {x.numel()} not finite, the first at {where}"
    error = out.float() - expected
    norm = expected.norm()
    rows = error.norm(dim=-1) / expected.norm(dim=-1).clamp_min(1e-20)
    lse_error = (lse - expected_lse).abs()
    found = (float(error.norm() / norm), float(rows.max()), float(lse_error.max()))
    measures = dict(zip(("rel", "row", "lse"), found))
    for name, x, gate, where in zip(
        ("O is off by", "the worst row of O is off by", "LSE is off by"),
        found,
        gates,
        (None, rows, lse_error),
    ):
        if not x <= gate:
            at = ""
            if where is not None:
                at = f" at {[int(i) for i in torch.unravel_index(where.argmax(), where.shape)]}"
                at += f", {int((where > gate).sum())} rows of {where.numel()} over it"
            return measures, f"{name} {x:.2e}, allowed {gate:.0e}{at}"
    return measures, None


def shapes(dim, lengths):
    """(label, batch, Sq, Skv, Hq, Hkv): small awkward ones, then those that are timed."""
    heads = HIDDEN // dim
    yield "1x1", 1, 1, 1, 1, 1
    yield "ragged 777", 2, 777, 777, 4, 2
    yield "300x1001", 1, 300, 1001, 2, 2
    yield "1001x300", 1, 1001, 300, 2, 1
    for length in lengths:
        yield f"S={length}", max(1, TOKENS // length), length, length, heads, heads


def guarded(torch, shape, dtype):
    """An output full of NaN with a guard behind it, and the guard."""
    count = math.prod(shape)
    flat = torch.full((count + GUARD,), math.nan, dtype=dtype, device="cuda")
    flat[count:] = 7
    return flat[:count].view(shape), flat[count:]


def inputs(torch, batch, sq, skv, hq, hkv, dim, dtype):
    """Random q, k, v: slices of one fused tensor where they have the same shape."""
    generator = torch.Generator(device="cuda").manual_seed(sq * 31 + skv)
    options = {"generator": generator, "dtype": dtype, "device": "cuda"}
    if sq == skv:
        fused = torch.randn(batch, sq, hq + 2 * hkv, dim, **options)
        return fused.split([hq, hkv, hkv], dim=2)
    q = torch.randn(batch, sq, hq, dim, **options)
    return q, *(torch.randn(batch, skv, hkv, dim, **options) for _ in range(2))


def check(torch, kernel, causal, lengths, cache):
    """(measures of the worst shape, reason of failure or None)."""
    m = kernel.manifest
    dim = m["head_dim"]["qk"]
    gates = GATES[m["dtype"]]
    worst = {}
    for shape in shapes(dim, lengths):
        label, batch, sq, skv, hq, hkv = shape
        q, k, v = inputs(torch, batch, sq, skv, hq, hkv, dim, kernel.dtype)
        out, out_guard = guarded(torch, (batch, sq, hq, dim), kernel.dtype)
        lse, lse_guard = guarded(torch, (batch, hq, sq), torch.float32)
        kernel(q, k, v, out=out, lse=lse)
        torch.cuda.synchronize()
        key = (causal, dim, kernel.dtype, shape)
        if key not in cache:
            cache[key] = reference(torch, q, k, v, causal)
        measures, reason = compare(torch, out, lse, *cache[key], gates)
        if reason is None and not (bool((out_guard == 7).all()) and bool((lse_guard == 7).all())):
            reason = "memory behind an output was written"
        if reason is None and label.startswith("ragged"):
            again, _ = kernel(q, k, v)
            if not torch.equal(again, out):
                reason = "a second launch gave other bits"
        for name, x in measures.items():
            worst[name] = max(worst.get(name, 0.0), x)
        if reason is not None:
            return worst, f"{label}: {reason}"
    return worst, None


def emit(**event):
    print("@@" + json.dumps(event), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lengths", required=True)
    parser.add_argument("manifests", nargs="+")
    arguments = parser.parse_args()
    lengths = [int(x) for x in arguments.lengths.split(",")]
    import attune
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    torch.randn(64, 64, device="cuda").mm(torch.randn(64, 64, device="cuda"))
    torch.cuda.synchronize()
    cache = {}
    for manifest in arguments.manifests:
        emit(event="start", file=manifest)
        try:
            kernel = attune.load(manifest)
            causal = kernel.manifest["spec"] == "causal"
            measures, reason = check(torch, kernel, causal, lengths, cache)
        except Exception as e:  # one bad kernel must not hide the others
            emit(event="done", file=manifest, measures={}, error=f"{type(e).__name__}: {e}")
            try:
                torch.cuda.synchronize()
            except Exception:
                os._exit(3)
            continue
        emit(
            event="done", file=manifest, measures=measures, error=reason,
            registers=kernel.registers, local_bytes=kernel.local_bytes,
        )  # fmt: skip


if __name__ == "__main__":
    main()

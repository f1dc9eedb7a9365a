"""The spec library in PyTorch: one definition each for the reference and for FlexAttention.

A score or mask is a function of indices, as FlexAttention takes it: `score(s, b, h, q, kv)` of the
scaled score, `mask(b, h, q, kv)`. They work on scalars and on broadcastable tensors alike.
"""

import dataclasses
import math

import torch

SQUARE = frozenset({"document_causal"})  # specs of self-attention only
FAST = frozenset({"softcap_fast", "softcap_full_fast"})  # specs with a fast tanh


@dataclasses.dataclass
class Variant:
    """One attention with everything it captures."""

    score: object = None
    mask: object = None
    batched_mask: bool = False  # it depends on the batch
    sink: object = None  # [Hq] logits that join the denominator
    weight: object = None  # instead of a softmax
    tensors: dict = dataclasses.field(default_factory=dict)  # captured, as the kernel names them


def _causal(b, h, q, kv):
    return kv <= q


def _window(window):
    def mask(b, h, q, kv):
        return (kv <= q) & (q - kv < window)

    return mask


def _softcap(cap):
    def score(s, b, h, q, kv):
        return cap * torch.tanh(s / cap)

    return score


def documents(length, parts=(512, 1024, 2048, 512, 1536, 2560)):
    """The number of the document of each position: these lengths, scaled to the sequence."""
    total, ends, end = sum(parts), [], 0
    for part in parts:
        end += part
        ends.append(max(1, end * length // total))
    position = torch.arange(length)
    return sum((position >= e).int() for e in ends[:-1]).to(torch.int32)


def _alibi_slopes(heads):
    return torch.tensor([2.0 ** (-8.0 * (h + 1) / heads) for h in range(heads)])


def build(spec, params, batch, heads, length, device, kv_length=None):
    """The variant of a spec's name at these sizes. KeyError where there is no such spec here."""
    p = dict(params)
    kv_length = length if kv_length is None else kv_length
    generator = torch.Generator().manual_seed(length + heads)
    if spec == "full":
        return Variant()
    if spec == "causal":
        return Variant(mask=_causal)
    if spec == "causal_bottom_right":
        offset = kv_length - length
        return Variant(mask=lambda b, h, q, kv: kv <= q + offset)
    if spec == "sliding_window":
        return Variant(mask=_window(p.get("window", 4096)))
    if spec in ("softcap", "softcap_fast"):
        return Variant(score=_softcap(p.get("cap", 50.0)), mask=_causal)
    if spec in ("softcap_full", "softcap_full_fast"):
        return Variant(score=_softcap(p.get("cap", 50.0)))
    if spec == "gemma2_local":
        window, cap = p.get("window", 4096), p.get("cap", 50.0)
        return Variant(score=_softcap(cap), mask=_window(window))
    if spec == "alibi":
        slopes = _alibi_slopes(heads).to(device)

        def biased(s, b, h, q, kv):
            return s + slopes[h] * (kv - q)

        return Variant(score=biased, mask=_causal, tensors={"slopes": slopes})
    if spec == "relative_position":
        return Variant(score=lambda s, b, h, q, kv: s + (q - kv))
    if spec == "bias_table":
        table = torch.randn(length + kv_length, generator=generator).to(device)

        def looked_up(s, b, h, q, kv):
            return s + table[q - kv + kv_length]

        return Variant(score=looked_up, tensors={"bias": table})
    if spec == "prefix_lm":
        n = p.get("n", 256)

        def prefix(b, h, q, kv):
            return (kv < n) | (kv <= q)

        return Variant(mask=prefix)
    if spec == "document_causal":
        doc = documents(length).to(device)

        def packed(b, h, q, kv):
            return (kv <= q) & (doc[q] == doc[kv])

        return Variant(mask=packed, tensors={"doc": doc})
    if spec == "dilated_window":
        window, dilation = p.get("window", 256), p.get("dilation", 2)

        def dilated(b, h, q, kv):
            distance = torch.abs(q - kv)
            return (distance <= window) & (distance % dilation == 0)

        return Variant(mask=dilated)
    if spec == "dilated_causal":
        recent, dilation = _window(p.get("window", 256)), p.get("dilation", 2)

        def every(b, h, q, kv):
            return recent(b, h, q, kv) & ((q - kv) % dilation == 0)

        return Variant(mask=every)
    if spec == "streaming_llm":
        window, sinks = p.get("window", 1024), p.get("sinks", 4)

        def streaming(b, h, q, kv):
            return (kv <= q) & ((q - kv < window) | (kv < sinks))

        return Variant(mask=streaming)
    if spec == "gpt_oss":
        sinks = torch.randn(heads, generator=generator).to(device)
        return Variant(mask=_window(p.get("window", 128)), sink=sinks, tensors={"sinks": sinks})
    if spec == "padding":
        spread = torch.randint(kv_length // 2, kv_length + 1, (batch,), generator=generator)
        lengths = spread.to(torch.int32).to(device)

        def padded(b, h, q, kv):
            return kv < lengths[b]

        return Variant(mask=padded, batched_mask=True, tensors={"lengths": lengths})
    if spec == "relative_bias":
        reach = 128
        bias = torch.randn(heads, 2 * reach + 1, generator=generator).to(device)

        def relative(s, b, h, q, kv):
            return s + bias[h, torch.clamp(kv - q, -reach, reach) + reach]

        return Variant(score=relative, tensors={"bias": bias})
    if spec == "sigmoid":
        offset = p.get("offset", -6.9314718)
        return Variant(mask=_causal, weight=lambda s: torch.sigmoid(s + offset))
    raise KeyError(f"no definition of {spec} in variants.py")


def live_mask(variant, b, rows, columns):
    """The mask of some rows and columns of a batch, [rows, columns], for masks without heads."""
    return variant.mask(b, 0, rows[:, None], columns[None, :])


def live_fraction(variant, batch, length, device, chunk=2048):
    """The fraction of pairs that the mask leaves."""
    if variant.mask is None:
        return 1.0
    columns, live = torch.arange(length, device=device), 0
    batches = batch if variant.batched_mask else 1
    for b in range(batches):
        for first in range(0, length, chunk):
            rows = torch.arange(first, min(length, first + chunk), device=device)
            mask = live_mask(variant, b, rows, columns)
            live += int(mask.expand(len(rows), length).sum())
    return live / (batches * length**2)


def visited_tiles(variant, batch, length, rows_per_tile, columns_per_tile, device):
    """Tiles with a live pair, summed over one head of every batch."""
    column_tiles = -(-length // columns_per_tile)
    row_tiles = -(-length // rows_per_tile)
    if variant.mask is None:
        return batch * row_tiles * column_tiles
    columns = torch.arange(column_tiles * columns_per_tile, device=device)
    batches, count = (batch if variant.batched_mask else 1), 0
    # Positions past the end are in no tile, but captured tensors end with the sequence.
    inside, columns = columns < length, columns.clamp(max=length - 1)
    for b in range(batches):
        for first in range(0, length, rows_per_tile):
            rows = torch.arange(first, min(length, first + rows_per_tile), device=device)
            mask = live_mask(variant, b, rows, columns).expand(len(rows), len(columns)) & inside
            count += int(mask.any(0).view(column_tiles, columns_per_tile).any(1).sum())
    return count * (batch // batches)


def reference(variant, q, k, v, scale, exact, scores=1 << 28):
    """O [B, S, H, D] and LSE [B, H, S] of [B, S, H, D] operands, in float64 if exact, else float32.

    LSE is None for a weight. At most `scores` scores are in memory at a time.
    """
    kind = torch.float64 if exact else torch.float32
    batch, sq, heads, _ = q.shape
    skv, group = k.shape[1], heads // k.shape[2]
    out = torch.empty(batch, sq, heads, v.shape[3], dtype=kind, device=q.device)
    lse = torch.empty(batch, heads, sq, dtype=kind, device=q.device)
    step = max(1, min(sq, scores // (heads * max(1, skv))))
    columns = torch.arange(skv, device=q.device)
    head = torch.arange(heads, device=q.device)[:, None, None]
    for b in range(batch):
        kt = k[b].to(kind).repeat_interleave(group, 1).permute(1, 2, 0)
        vt = v[b].to(kind).repeat_interleave(group, 1).transpose(0, 1)
        for first in range(0, sq, step):
            last = min(sq, first + step)
            rows = torch.arange(first, last, device=q.device)[None, :, None]
            s = (q[b, first:last].to(kind).transpose(0, 1) * scale) @ kt
            if variant.score is not None:
                s = variant.score(s, b, head, rows, columns)
            dead = None
            if variant.mask is not None:
                dead = ~variant.mask(b, head, rows, columns)
            if variant.weight is not None:
                w = variant.weight(s)
                w = w if dead is None else w.masked_fill_(dead, 0)
            else:
                s = s if dead is None else s.masked_fill_(dead, -math.inf)
                l = torch.logsumexp(s, -1)
                if variant.sink is not None:
                    l = torch.logaddexp(l, variant.sink.to(kind)[:, None].expand_as(l))
                lse[b, :, first:last] = l
                # A row without live keys has LSE -inf and output 0.
                w = s.sub_(torch.where(l.isinf(), 0.0, l)[..., None]).exp_()
            out[b, first:last] = (w @ vt).transpose(0, 1)
    return out, None if variant.weight is not None else lse

package dev.attune.ptx.emulate;

import java.util.HashMap;
import java.util.Map;

/**
 * Which atomics of other CTAs a CTA knows to be over. A fence before an atomic passes on what its
 * CTA did before; a fence after an atomic on the same word takes it over: the pattern by which the
 * last CTA of a grid is found and may reset what the others have counted in. Each CTA's time is the
 * number of its fences.
 */
final class DeviceOrder {
  private final Map<Integer, Member> members = new HashMap<>();
  private final Map<Long, Word> words = new HashMap<>();

  private static final class Member {
    int time = 1;
    final Map<Integer, Integer> known = new HashMap<>();
    final Map<Integer, Integer> seen = new HashMap<>();
    Map<Integer, Integer> passesOn = Map.of();
  }

  private static final class Word {
    final Map<Integer, Integer> touched = new HashMap<>();
    final Map<Integer, Integer> passedOn = new HashMap<>();
  }

  private Member member(int cta) {
    return members.computeIfAbsent(cta, key -> new Member());
  }

  private static void join(Map<Integer, Integer> into, Map<Integer, Integer> from) {
    from.forEach((cta, time) -> into.merge(cta, time, Math::max));
  }

  /** A fence for the whole device. */
  synchronized void fence(int cta) {
    Member member = member(cta);
    join(member.known, member.seen);
    member.known.put(cta, member.time);
    member.time++;
    member.passesOn = Map.copyOf(member.known);
  }

  /** An atomic on a word. */
  synchronized void atomic(int cta, long address) {
    Member member = member(cta);
    Word word = words.computeIfAbsent(address, key -> new Word());
    word.touched.put(cta, member.time);
    join(word.passedOn, member.passesOn);
    join(member.seen, word.passedOn);
  }

  /** Whether a CTA knows all atomics on a word to be over. */
  synchronized boolean over(int cta, long address) {
    Word word = words.get(address);
    Map<Integer, Integer> known = member(cta).known;
    return word != null
        && word.touched.entrySet().stream()
            .allMatch(e -> e.getKey() == cta || known.getOrDefault(e.getKey(), 0) >= e.getValue());
  }
}

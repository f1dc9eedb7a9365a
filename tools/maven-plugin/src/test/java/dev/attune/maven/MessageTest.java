package dev.attune.maven;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The compiler's lines as IDEs get them. */
final class MessageTest {
  @Test
  void aPlaceIsTakenApart() {
    assertEquals(
        Optional.of(new Message("a b/x.attn", 3, 14, true, "error[ATTN103]: no 'qq': see 1:2")),
        Message.parse("a b/x.attn:3:14: error[ATTN103]: no 'qq': see 1:2"));
    assertEquals(
        Optional.of(new Message("C:\\x.attn", 1, 1, false, "warning: slow")),
        Message.parse("C:\\x.attn:1:1: warning: slow"));
  }

  @Test
  void otherLinesAreNone() {
    assertEquals(Optional.empty(), Message.parse("2 errors in 2 files"));
    assertEquals(Optional.empty(), Message.parse("x.attn:3: error: no column"));
  }
}

package dev.attune.runtime;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** What the runtime logs while this is open. */
final class LogRecorder extends Handler implements AutoCloseable {
  private static final Logger LOGGER = Logger.getLogger("dev.attune.runtime");

  private final List<LogRecord> records = new CopyOnWriteArrayList<>();

  LogRecorder() {
    LOGGER.setLevel(Level.ALL);
    LOGGER.setUseParentHandlers(false);
    LOGGER.addHandler(this);
  }

  List<String> at(Level level) {
    return records.stream()
        .filter(r -> r.getLevel().equals(level))
        .map(LogRecord::getMessage)
        .toList();
  }

  @Override
  public void publish(LogRecord entry) {
    records.add(entry);
  }

  @Override
  public void flush() {
    // Nothing is held back.
  }

  @Override
  public void close() {
    LOGGER.removeHandler(this);
    LOGGER.setUseParentHandlers(true);
    LOGGER.setLevel(null);
  }
}

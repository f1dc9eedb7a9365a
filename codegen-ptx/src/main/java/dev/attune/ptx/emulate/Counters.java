package dev.attune.ptx.emulate;

/** The counts of a {@link LaunchReport} while they grow; one per CTA, added up in the end. */
final class Counters {
  long warpInstructions;
  long threadInstructions;
  long mmaInstructions;
  long sharedTransactions;
  long sharedConflicts;
  long globalLoadSectors;
  long globalStoreSectors;
  long barrierWaits;
  long asyncCopies;

  synchronized void add(Counters other) {
    warpInstructions += other.warpInstructions;
    threadInstructions += other.threadInstructions;
    mmaInstructions += other.mmaInstructions;
    sharedTransactions += other.sharedTransactions;
    sharedConflicts += other.sharedConflicts;
    globalLoadSectors += other.globalLoadSectors;
    globalStoreSectors += other.globalStoreSectors;
    barrierWaits += other.barrierWaits;
    asyncCopies += other.asyncCopies;
  }

  synchronized LaunchReport report() {
    return new LaunchReport(
        warpInstructions,
        threadInstructions,
        mmaInstructions,
        sharedTransactions,
        sharedConflicts,
        globalLoadSectors,
        globalStoreSectors,
        barrierWaits,
        asyncCopies);
  }
}

package dev.attune.ptx.emulate;

/**
 * A memory barrier. Its current phase completes when all expected arrivals have come and as many
 * bytes have been copied as were announced; the next one then begins. Phases count from zero.
 */
final class Mbarrier {
  /** Arrivals and bytes under way that the hardware can count. */
  static final int LIMIT = (1 << 20) - 1;

  private final int number;
  private final int address;
  private final int count;
  private final int agent;
  private final int time;
  private final int ownAgent;

  /** What the arrivals pass on, and of that what came before the last completed phase. */
  private final int[] arriving;

  private final int[] completed;
  private boolean invalid;
  private int phase;
  private int arrivals;
  private int transactions;

  /** Bytes of copies that were issued on this barrier and have not arrived. */
  private int inFlight;

  /** The thread whose fence made the initialisation visible to copies, or −1, and when. */
  private int fencedBy = -1;

  private int fenceTime;

  /**
   * @param number counts the barriers of the CTA
   * @param agent who initialised it, and when: an event of {@link Knowledge}
   */
  Mbarrier(Knowledge knowledge, int number, int address, int count, int agent, int time) {
    this.number = number;
    this.address = address;
    this.count = count;
    this.agent = agent;
    this.time = time;
    this.ownAgent = knowledge.barrierAgent(number);
    this.arriving = knowledge.vector();
    this.completed = knowledge.vector();
  }

  int number() {
    return number;
  }

  int address() {
    return address;
  }

  int phase() {
    return phase;
  }

  int agent() {
    return agent;
  }

  int time() {
    return time;
  }

  /** The agent of {@link Knowledge} whose events are the completed phases. */
  int ownAgent() {
    return ownAgent;
  }

  /** What the arrivals pass on. */
  int[] arriving() {
    return arriving;
  }

  /** What those pass on who arrived in completed phases. */
  int[] completed() {
    return completed;
  }

  boolean fenced() {
    return fencedBy >= 0;
  }

  int fencedBy() {
    return fencedBy;
  }

  int fenceTime() {
    return fenceTime;
  }

  void fenced(int byThread, int atTime) {
    fencedBy = byThread;
    fenceTime = atTime;
  }

  /** Whether something has happened in the current phase. */
  boolean busy() {
    return arrivals > 0 || transactions != 0 || inFlight > 0;
  }

  /** Ends its life. */
  void invalidate() {
    invalid = true;
  }

  boolean invalid() {
    return invalid;
  }

  /** Announces bytes. */
  void expect(int lane, int more) {
    transactions += more;
    if (more < 0 || transactions > LIMIT) {
      throw new Fault(
          lane,
          "mbarrier: "
              + transactions
              + " bytes are announced at the memory barrier at "
              + address
              + ", more than "
              + LIMIT);
    }
  }

  /** Some threads arrive. Returns whether that completes the phase. */
  boolean arrive(int lane, int arriving) {
    if (arrivals + arriving > count) {
      throw new Fault(
          lane,
          "mbarrier: "
              + (arrivals + arriving)
              + " arrivals in phase "
              + phase
              + " of the memory barrier at "
              + address
              + ", which expects "
              + count);
    }
    arrivals += arriving;
    return complete(lane);
  }

  void issue(int bytes) {
    inFlight += bytes;
  }

  /** A copy has arrived. Returns whether that completes the phase. */
  boolean copied(int lane, int bytes) {
    inFlight -= bytes;
    transactions -= bytes;
    return complete(lane);
  }

  private boolean complete(int lane) {
    if (arrivals < count) {
      return false;
    }
    if (transactions < 0) {
      throw new Fault(
          lane,
          "mbarrier: "
              + -transactions
              + " bytes more than announced are copied in phase "
              + phase
              + " of the memory barrier at "
              + address);
    }
    if (transactions > 0) {
      return false;
    }
    phase++;
    arrivals = 0;
    System.arraycopy(arriving, 0, completed, 0, completed.length);
    completed[ownAgent] = phase;
    arriving[ownAgent] = phase;
    return true;
  }

  /** The state, for messages. */
  @Override
  public String toString() {
    return "memory barrier "
        + number
        + " at "
        + address
        + ", phase "
        + phase
        + ": "
        + arrivals
        + " of "
        + count
        + " arrivals, "
        + transactions
        + " bytes to come, "
        + inFlight
        + " under way";
  }
}

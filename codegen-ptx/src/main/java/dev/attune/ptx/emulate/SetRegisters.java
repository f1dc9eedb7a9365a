package dev.attune.ptx.emulate;

/** {@code setmaxnreg}. */
final class SetRegisters extends Instruction {
  private final int count;
  private final boolean increase;

  SetRegisters(Header header, int count, boolean increase) {
    super(header);
    this.count = count;
    this.increase = increase;
  }

  @Override
  boolean convergent() {
    return true;
  }

  @Override
  void execute(Warp warp, int mask) {
    if (warp.gathered(warp.present(), "setmaxnreg")) {
      warp.cta.registers().change(warp.index, count, increase);
    }
  }
}

package dev.attune.compiler.tile;

/** What must hold of the tiles that one role moves along channels. */
sealed interface TileRules permits ChannelRules, RoleChannels {

  void put(Op.Put op);

  void get(Op.Get op);

  /** The tile that is released. */
  Value release(Op.Release op);

  /** Before the first operation of a loop's body. */
  void enter(Op.For loop);

  /** After its last. */
  void leave(Op.For loop);

  /** After the work on an item. */
  void end(String where);
}

/**
 * The Hopper family (sm_90a): products by {@code wgmma}, loads by TMA into rings of mbarriers,
 * warpgroups with roles. Schedules, shared-memory layout and the selection of instructions.
 */
@NullMarked
package dev.attune.ptx.hopper;

import org.jspecify.annotations.NullMarked;

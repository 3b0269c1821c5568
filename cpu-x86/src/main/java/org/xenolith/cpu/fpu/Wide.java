package org.xenolith.cpu.fpu;

/** Placeholder scratch. */
final class Wide {
}

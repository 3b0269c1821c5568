package org.xenolith.guests.elf;

/**
 * A note (System V gABI, chapter 5): an owner's typed piece of information.
 *
 * @param owner the name field, without its zero
 * @param type the type field; its meaning is the owner's
 * @param offset index of the descriptor's first byte in the file
 * @param length length of the descriptor in bytes
 */
public record ElfNote(String owner, int type, int offset, int length) {}

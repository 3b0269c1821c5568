package org.xenolith.emulator;

/**
 * A change of a guest's memory during the run, as {@code xl mem-set} makes it.
 *
 * @param domain the guest's name
 * @param bytes the memory that it is to have, a multiple of 1024
 * @param atNs virtual time since power-on in nanoseconds
 */
public record MemorySet(String domain, long bytes, long atNs) {
}

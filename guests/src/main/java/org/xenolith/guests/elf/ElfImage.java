package org.xenolith.guests.elf;

import static org.xenolith.guests.LittleEndian.i32;
import static org.xenolith.guests.LittleEndian.i64;
import static org.xenolith.guests.LittleEndian.u16;
import static org.xenolith.guests.LittleEndian.u32;
import static org.xenolith.guests.LittleEndian.u8;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.xenolith.guests.ImageException;

/**
 * An executable ELF image for x86, 32 or 64 bits (System V gABI, chapters 4 and 5), read from hostile bytes.
 *
 * <p>Everything is checked once in {@link #parse}: afterwards each segment and each section with content lies within
 * {@link #bytes()}. The byte array is shared, not copied.
 */
public final class ElfImage {
    /** {@code e_machine} of 32-bit x86. */
    public static final int EM_386 = 3;

    /** {@code e_machine} of x86-64. */
    public static final int EM_X86_64 = 62;

    private static final int MAGIC = 0x464c_457f;
    private static final int MAX_SEGMENTS = 4096;
    private static final int MAX_NOTES = 4096;
    private static final int MAX_NAME = 256;

    private final String file;
    private final byte[] bytes;
    private final boolean is64;
    private final int machine;
    private final long entry;
    private final List<ElfSegment> segments;
    private final List<ElfSection> sections;
    private final List<ElfNote> notes;

    private ElfImage(String file, byte[] bytes) throws ImageException {
        this.file = file;
        this.bytes = bytes;
        if (bytes.length < 52) {
            throw fault("is truncated: an ELF header has at least 52 bytes, this file " + bytes.length);
        }
        is64 = checkIdent();
        machine = u16(bytes, 18);
        checkMachine();
        if (is64 && bytes.length < 64) {
            throw fault("is truncated in the ELF header");
        }
        entry = word(24, 24);
        segments = readSegments();
        sections = readSections();
        notes = readNotes();
    }

    /**
     * Whether bytes start with the magic number of ELF.
     *
     * @param bytes the start of a file
     * @return whether the first four bytes say so
     */
    public static boolean isElf(byte[] bytes) {
        return bytes.length >= 4 && i32(bytes, 0) == MAGIC;
    }

    /**
     * Reads the headers and notes of an image.
     *
     * @param file the image's name for messages
     * @param bytes the image, shared from now on
     * @return the image
     * @throws ImageException if it is not an x86 executable, is truncated, or its headers contradict each other
     */
    public static ElfImage parse(String file, byte[] bytes) throws ImageException {
        return new ElfImage(file, bytes);
    }

    private boolean checkIdent() throws ImageException {
        if (i32(bytes, 0) != MAGIC) {
            throw fault("is not an ELF file");
        }
        int elfClass = u8(bytes, 4);
        if (elfClass != 1 && elfClass != 2) {
            throw fault("has ELF class " + elfClass + "; 1 (32 bits) or 2 (64 bits) is expected");
        }
        if (u8(bytes, 5) != 1) {
            throw fault("is a big-endian ELF file, so not for x86");
        }
        return elfClass == 2;
    }

    private void checkMachine() throws ImageException {
        int expected = is64 ? EM_X86_64 : EM_386;
        if (machine != expected) {
            throw fault("is built for " + ElfMachines.name(machine) + (is64 ? ", 64 bits" : ", 32 bits")
                    + "; a kernel for x86 is needed");
        }
        int type = u16(bytes, 16);
        if (type != 2 && type != 3) {
            throw fault("is an ELF file of type " + type + ", not an executable"
                    + (type == 1 ? " (an object file or kernel module)" : type == 4 ? " (a core dump)" : ""));
        }
    }

    private List<ElfSegment> readSegments() throws ImageException {
        long offset = word(28, 32);
        int size = u16(bytes, is64 ? 54 : 42);
        int count = u16(bytes, is64 ? 56 : 44);
        if (count == 0) {
            return List.of();
        }
        if (count > MAX_SEGMENTS || size < (is64 ? 56 : 32)) {
            throw fault("has " + count + " program headers of " + size + " bytes; that cannot be right");
        }
        if (!within(offset, (long) count * size)) {
            throw fault("is truncated: its program headers lie beyond its end");
        }
        List<ElfSegment> list = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            ElfSegment segment = readSegment((int) offset + i * size);
            boolean used = segment.type() == ElfSegment.PT_LOAD || segment.type() == ElfSegment.PT_NOTE;
            if (used && !within(segment.offset(), segment.fileSize())) {
                throw fault("is truncated: program header " + i + " wants "
                        + Long.toUnsignedString(segment.fileSize()) + " bytes at offset "
                        + Long.toUnsignedString(segment.offset()) + ", the file has " + bytes.length);
            }
            if (segment.type() == ElfSegment.PT_LOAD
                    && Long.compareUnsigned(segment.fileSize(), segment.memorySize()) > 0) {
                throw fault("has a program header (" + i + ") with more bytes in the file than in memory");
            }
            list.add(segment);
        }
        return List.copyOf(list);
    }

    private ElfSegment readSegment(int at) {
        if (is64) {
            return new ElfSegment(
                    i32(bytes, at),
                    i32(bytes, at + 4),
                    i64(bytes, at + 8),
                    i64(bytes, at + 16),
                    i64(bytes, at + 24),
                    i64(bytes, at + 32),
                    i64(bytes, at + 40),
                    i64(bytes, at + 48));
        }
        return new ElfSegment(
                i32(bytes, at),
                i32(bytes, at + 24),
                u32(bytes, at + 4),
                u32(bytes, at + 8),
                u32(bytes, at + 12),
                u32(bytes, at + 16),
                u32(bytes, at + 20),
                u32(bytes, at + 28));
    }

    private List<ElfSection> readSections() throws ImageException {
        long offset = word(32, 40);
        int size = u16(bytes, is64 ? 58 : 46);
        int count = u16(bytes, is64 ? 60 : 48);
        int names = u16(bytes, is64 ? 62 : 50);
        // A kernel can be loaded without its sections: a stripped table is no reason to refuse it.
        if (count == 0 || size < (is64 ? 64 : 40) || !within(offset, (long) count * size)) {
            return List.of();
        }
        ElfSection strings = names < count ? readSection((int) offset + names * size, null) : null;
        List<ElfSection> list = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            ElfSection section = readSection((int) offset + i * size, strings);
            if (section.type() != ElfSection.SHT_NOBITS && !within(section.offset(), section.size())) {
                throw fault("is truncated: section " + i + " (" + section.name() + ") lies beyond its end");
            }
            list.add(section);
        }
        return List.copyOf(list);
    }

    private ElfSection readSection(int at, ElfSection strings) {
        String name = strings == null ? "" : string(strings, u32(bytes, at), MAX_NAME);
        int type = i32(bytes, at + 4);
        if (is64) {
            return new ElfSection(
                    name,
                    type,
                    i64(bytes, at + 8),
                    i64(bytes, at + 16),
                    i64(bytes, at + 24),
                    i64(bytes, at + 32),
                    u32(bytes, at + 40),
                    i64(bytes, at + 56));
        }
        return new ElfSection(
                name,
                type,
                u32(bytes, at + 8),
                u32(bytes, at + 12),
                u32(bytes, at + 16),
                u32(bytes, at + 20),
                u32(bytes, at + 24),
                u32(bytes, at + 36));
    }

    private List<ElfNote> readNotes() throws ImageException {
        List<ElfNote> list = new ArrayList<>();
        for (ElfSegment segment : segments) {
            if (segment.type() == ElfSegment.PT_NOTE) {
                readNotes((int) segment.offset(), (int) segment.fileSize(), list);
            }
        }
        if (list.isEmpty()) {
            for (ElfSection section : sections) {
                if (section.type() == ElfSection.SHT_NOTE) {
                    readNotes((int) section.offset(), (int) section.size(), list);
                }
            }
        }
        return List.copyOf(list);
    }

    private void readNotes(int start, int size, List<ElfNote> list) throws ImageException {
        int end = start + size;
        long at = start;
        while (at + 12 <= end) {
            long nameLength = u32(bytes, (int) at);
            long length = u32(bytes, (int) at + 4);
            int type = i32(bytes, (int) at + 8);
            long name = at + 12;
            long descriptor = name + align4(nameLength);
            if (descriptor + length > end) {
                throw fault("has an ELF note at offset " + at + " that reaches beyond its segment");
            }
            if (list.size() == MAX_NOTES) {
                throw fault("has more than " + MAX_NOTES + " ELF notes");
            }
            String owner = nameLength > MAX_NAME ? "" : text((int) name, (int) nameLength);
            list.add(new ElfNote(owner, type, (int) descriptor, (int) length));
            at = descriptor + align4(length);
        }
    }

    private static long align4(long value) {
        return (value + 3) & ~3L;
    }

    private long word(int at32, int at64) {
        return is64 ? i64(bytes, at64) : u32(bytes, at32);
    }

    private boolean within(long offset, long size) {
        return offset >= 0 && size >= 0 && offset <= bytes.length && size <= bytes.length - offset;
    }

    private ImageException fault(String reason) {
        return new ImageException(file, reason);
    }

    /** Reads up to a zero or to the end of the given range. */
    String text(int at, int length) {
        int n = 0;
        while (n < length && bytes[at + n] != 0) {
            n++;
        }
        return new String(bytes, at, n, StandardCharsets.ISO_8859_1);
    }

    /** Reads a string from a string table; empty where there is none at that index. */
    String string(ElfSection table, long index, int most) {
        if (table.type() == ElfSection.SHT_NOBITS || !within(table.offset(), table.size()) || index >= table.size()) {
            return "";
        }
        return text((int) (table.offset() + index), (int) Math.min(table.size() - index, most));
    }

    /**
     * Reads from a string table.
     *
     * @param table a section of this image
     * @param index where the string starts in it
     * @return the string, up to 4 KiB of it; empty where the table does not reach that far
     */
    public String string(ElfSection table, long index) {
        return string(table, index, 4096);
    }

    /** {@return the image's name for messages} */
    public String file() {
        return file;
    }

    /** {@return the image's bytes, shared} */
    public byte[] bytes() {
        return bytes;
    }

    /** {@return whether it is an ELF64 file} */
    public boolean is64() {
        return is64;
    }

    /** {@return {@link #EM_386} or {@link #EM_X86_64}} */
    public int machine() {
        return machine;
    }

    /** {@return {@code e_entry}: the virtual address of the entry point} */
    public long entry() {
        return entry;
    }

    /** {@return the program headers in file order} */
    public List<ElfSegment> segments() {
        return segments;
    }

    /** {@return the section headers in file order; empty where the file has none} */
    public List<ElfSection> sections() {
        return sections;
    }

    /** {@return the notes of all PT_NOTE segments, or of the note sections where no segment has any} */
    public List<ElfNote> notes() {
        return notes;
    }

    /**
     * Finds a section.
     *
     * @param name the section's name
     * @return the first section of that name
     */
    public Optional<ElfSection> section(String name) {
        for (ElfSection section : sections) {
            if (section.name().equals(name)) {
                return Optional.of(section);
            }
        }
        return Optional.empty();
    }
}

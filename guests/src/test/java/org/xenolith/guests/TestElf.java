package org.xenolith.guests;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Builds small ELF images for tests: loadable segments, notes, a symbol table and named sections. */
public final class TestElf {
    private record Segment(int type, long vaddr, long paddr, byte[] content, long memorySize) {}

    private record Section(String name, int type, byte[] content, int link, int entrySize) {}

    private final boolean is64;
    private final int machine;
    private final List<Segment> segments = new ArrayList<>();
    private final List<Section> sections = new ArrayList<>();
    private final ByteArrayOutputStream notes = new ByteArrayOutputStream();

    private TestElf(boolean is64, int machine) {
        this.is64 = is64;
        this.machine = machine;
    }

    public static TestElf elf64() {
        return new TestElf(true, 62);
    }

    public static TestElf elf32() {
        return new TestElf(false, 3);
    }

    public static TestElf elf64For(int machine) {
        return new TestElf(true, machine);
    }

    /** A kernel of one page at 1 MiB whose PVH entry point is its first byte. */
    public static TestElf pvhKernel() {
        return elf64().load(0x10_0000, new byte[4096], 8192).note(18, number(0x10_0000, 4));
    }

    public TestElf load(long paddr, byte[] content, long memorySize) {
        segments.add(new Segment(1, paddr + 0xffff_ffff_8000_0000L, paddr, content, memorySize));
        return this;
    }

    public TestElf note(int type, byte[] value) {
        return note("Xen", type, value);
    }

    public TestElf note(String owner, int type, byte[] value) {
        byte[] name = (owner + "\0").getBytes(StandardCharsets.US_ASCII);
        notes.writeBytes(number(name.length, 4));
        notes.writeBytes(number(value.length, 4));
        notes.writeBytes(number(type, 4));
        notes.writeBytes(padded(name));
        notes.writeBytes(padded(value));
        return this;
    }

    public TestElf section(String name, int type, byte[] content, int link, int entrySize) {
        sections.add(new Section(name, type, content, link, entrySize));
        return this;
    }

    public static byte[] number(long value, int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (value >>> 8 * i);
        }
        return bytes;
    }

    public static byte[] text(String value) {
        return (value + "\0").getBytes(StandardCharsets.US_ASCII);
    }

    private static byte[] padded(byte[] bytes) {
        return Arrays.copyOf(bytes, bytes.length + 3 & ~3);
    }

    public byte[] build() {
        List<Segment> all = new ArrayList<>(segments);
        if (notes.size() > 0) {
            all.add(new Segment(4, 0, 0, notes.toByteArray(), notes.size()));
        }
        List<Section> withNames = new ArrayList<>();
        ByteArrayOutputStream names = new ByteArrayOutputStream();
        if (!sections.isEmpty()) {
            withNames.add(new Section("", 0, new byte[0], 0, 0));
            withNames.addAll(sections);
            withNames.add(new Section(".shstrtab", 3, new byte[0], 0, 0));
            withNames.forEach(s -> names.writeBytes(text(s.name())));
        }
        int header = is64 ? 64 : 52;
        int programHeader = is64 ? 56 : 32;
        int sectionHeader = is64 ? 64 : 40;
        int size = header + all.size() * programHeader;
        for (Segment s : all) {
            size += s.content().length;
        }
        for (Section s : sections) {
            size += s.content().length;
        }
        int sectionsAt = size + names.size();
        ByteBuffer out = ByteBuffer.allocate(sectionsAt + withNames.size() * sectionHeader)
                .order(ByteOrder.LITTLE_ENDIAN);
        out.putInt(0x464c_457f).put((byte) (is64 ? 2 : 1)).put((byte) 1).put((byte) 1).position(16);
        out.putShort((short) 2).putShort((short) machine).putInt(1);
        word(out, 0xffff_ffff_8010_0000L);
        word(out, header);
        word(out, withNames.isEmpty() ? 0 : sectionsAt);
        out.putInt(0).putShort((short) header).putShort((short) programHeader).putShort((short) all.size());
        out.putShort((short) sectionHeader).putShort((short) withNames.size());
        out.putShort((short) Math.max(0, withNames.size() - 1));
        int data = header + all.size() * programHeader;
        for (Segment s : all) {
            programHeader(out, s, data);
            data += s.content().length;
        }
        for (Segment s : all) {
            out.put(s.content());
        }
        for (Section s : sections) {
            out.put(s.content());
        }
        out.put(names.toByteArray());
        int nameAt = 0;
        for (Section s : withNames) {
            boolean isNames = s.name().equals(".shstrtab");
            out.putInt(nameAt).putInt(s.type());
            word(out, 0);
            word(out, 0);
            word(out, isNames ? size : data);
            word(out, isNames ? names.size() : s.content().length);
            out.putInt(s.link()).putInt(0);
            word(out, 1);
            word(out, s.entrySize());
            nameAt += s.name().length() + 1;
            data += s.content().length;
        }
        return out.array();
    }

    private void programHeader(ByteBuffer out, Segment s, int data) {
        if (is64) {
            out.putInt(s.type()).putInt(7).putLong(data).putLong(s.vaddr()).putLong(s.paddr());
            out.putLong(s.content().length).putLong(s.memorySize()).putLong(4096);
        } else {
            out.putInt(s.type()).putInt(data).putInt((int) s.vaddr()).putInt((int) s.paddr());
            out.putInt(s.content().length).putInt((int) s.memorySize()).putInt(7).putInt(4096);
        }
    }

    private void word(ByteBuffer out, long value) {
        if (is64) {
            out.putLong(value);
        } else {
            out.putInt((int) value);
        }
    }
}

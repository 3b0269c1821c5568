package org.xenolith.guests.elf;

import static org.xenolith.guests.LittleEndian.i64;
import static org.xenolith.guests.LittleEndian.u16;
import static org.xenolith.guests.LittleEndian.u32;
import static org.xenolith.guests.LittleEndian.u8;

import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.xenolith.guests.ImageException;

/**
 * What a kernel tells Xen about itself: its Xen ELF notes, or else the string of its {@code __xen_guest} section.
 *
 * <p>Where a note stands more than once, the last counts. All numbers are unsigned 64-bit.
 */
public final class XenGuestInfo {
    private static final String OWNER = "Xen";
    private static final String LEGACY_SECTION = "__xen_guest";
    private static final int MAX_TEXT = 4096;

    private final Map<XenElfNote, Long> numbers = new EnumMap<>(XenElfNote.class);
    private final Map<XenElfNote, String> texts = new EnumMap<>(XenElfNote.class);
    private boolean legacy;

    private XenGuestInfo() {}

    /**
     * Reads the notes of a kernel.
     *
     * @param elf the kernel
     * @return its notes; {@link #isEmpty()} where it says nothing to Xen
     * @throws ImageException if a note's value does not have the size that its type asks for
     */
    public static XenGuestInfo of(ElfImage elf) throws ImageException {
        XenGuestInfo info = new XenGuestInfo();
        for (ElfNote note : elf.notes()) {
            if (note.owner().equals(OWNER)) {
                info.add(elf, note);
            }
        }
        if (info.isEmpty()) {
            Optional<ElfSection> section = elf.section(LEGACY_SECTION);
            if (section.isPresent() && section.get().type() != ElfSection.SHT_NOBITS) {
                int size = (int) Math.min(section.get().size(), MAX_TEXT);
                info.addLegacy(elf.file(), elf.text((int) section.get().offset(), size));
            }
        }
        return info;
    }

    private void add(ElfImage elf, ElfNote note) throws ImageException {
        for (XenElfNote kind : XenElfNote.values()) {
            if (kind.type() == note.type()) {
                if (kind.isText()) {
                    texts.put(kind, elf.text(note.offset(), Math.min(note.length(), MAX_TEXT)));
                } else {
                    numbers.put(kind, number(elf, note, kind));
                }
                return;
            }
        }
    }

    private static long number(ElfImage elf, ElfNote note, XenElfNote kind) throws ImageException {
        byte[] bytes = elf.bytes();
        // L1_MFN_VALID is a list of pairs: its first value stands for it.
        int length = kind == XenElfNote.L1_MFN_VALID && note.length() > 8 ? 8 : note.length();
        return switch (length) {
            case 1 -> u8(bytes, note.offset());
            case 2 -> u16(bytes, note.offset());
            case 4 -> u32(bytes, note.offset());
            case 8 -> i64(bytes, note.offset());
            default -> {
                if (kind.type() > XenElfNote.PHYS32_ENTRY.type()) {
                    yield 0;
                }
                throw new ImageException(
                        elf.file(),
                        "has a Xen ELF note " + kind + " of " + note.length() + " bytes; a number has 1, 2, 4 or 8");
            }
        };
    }

    private void addLegacy(String file, String content) throws ImageException {
        legacy = true;
        for (String pair : content.split(",")) {
            int equals = pair.indexOf('=');
            String key = (equals < 0 ? pair : pair.substring(0, equals)).trim();
            String value = equals < 0 ? "" : pair.substring(equals + 1).trim();
            for (XenElfNote kind : XenElfNote.values()) {
                if (key.equals(kind.legacyKey())) {
                    if (kind.isText()) {
                        texts.put(kind, value);
                    } else {
                        numbers.put(kind, legacyNumber(file, key, value));
                    }
                }
            }
        }
    }

    private static long legacyNumber(String file, String key, String value) throws ImageException {
        try {
            return value.startsWith("0x") || value.startsWith("0X")
                    ? Long.parseUnsignedLong(value.substring(2), 16)
                    : Long.parseUnsignedLong(value);
        } catch (NumberFormatException e) {
            throw new ImageException(file, "has " + key + "=" + ImageException.quoted(value)
                    + " in __xen_guest, which is not a number", e);
        }
    }

    /** {@return whether the kernel says nothing to Xen at all} */
    public boolean isEmpty() {
        return numbers.isEmpty() && texts.isEmpty();
    }

    /** {@return whether the facts come from {@code __xen_guest}, where HYPERCALL_PAGE is a page number} */
    public boolean isLegacy() {
        return legacy;
    }

    /**
     * A number.
     *
     * @param note a note that is not text
     * @return its value, unsigned, if the kernel has it
     */
    public OptionalLong number(XenElfNote note) {
        Long value = numbers.get(note);
        return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }

    /**
     * A string.
     *
     * @param note a note that is text
     * @return its value if the kernel has it
     */
    public Optional<String> text(XenElfNote note) {
        return Optional.ofNullable(texts.get(note));
    }

    /**
     * Whether the kernel supports a feature: by name in FEATURES or by bit in SUPPORTED_FEATURES.
     *
     * @param name the feature's name as in public/features.h, without XENFEAT_, lower case
     * @param bit the feature's number, 0 to 31
     * @return whether either says so
     */
    public boolean supports(String name, int bit) {
        if ((number(XenElfNote.SUPPORTED_FEATURES).orElse(0) >>> bit & 1) != 0) {
            return true;
        }
        for (String feature : text(XenElfNote.FEATURES).orElse("").split("\\|")) {
            if (feature.equals(name) || feature.equals("!" + name)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Whether the kernel cannot do without a feature: its name in FEATURES with an exclamation mark.
     *
     * @param name the feature's name as in public/features.h, without XENFEAT_, lower case
     * @return whether it says so
     */
    public boolean requires(String name) {
        for (String feature : text(XenElfNote.FEATURES).orElse("").split("\\|")) {
            if (feature.equals("!" + name)) {
                return true;
            }
        }
        return false;
    }
}

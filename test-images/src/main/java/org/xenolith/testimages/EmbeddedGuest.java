package org.xenolith.testimages;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * The guests that come with Xenolith: ELF kernels with Xen's notes, assembled from {@code src/main/guest} by
 * {@code build-guests.sh}. What {@link #HELLO} does last is chosen by the first word of its command line; its source lists
 * the words.
 */
public enum EmbeddedGuest {
    /** Looks at Xen, uses a timer and event channels, says so on its console and powers off. */
    HELLO("hello", false),
    /** A PV guest that tries to get at memory that is not its own, says whether any attempt was allowed and powers off. */
    ATTACK("attack", true);

    /** Memory in bytes with which the guests print what {@link #expectedText} says. */
    public static final long MEMORY = 16L << 20;

    private final String resource;
    private final boolean pv;

    EmbeddedGuest(String resource, boolean pv) {
        this.resource = resource;
        this.pv = pv;
    }

    /** {@return true for a PV guest, false for PVH} */
    public boolean pv() {
        return pv;
    }

    /** {@return the guest's name} */
    public String label() {
        return resource;
    }

    /** {@return the kernel image} */
    public byte[] image() {
        return read(".elf");
    }

    /**
     * What the guest prints with {@link #MEMORY}, one vCPU, an empty command line and power-on at 2026-01-01T00:00:00Z.
     *
     * @return text whose lines end in carriage return and line feed
     */
    public String expectedText() {
        return new String(read(".txt"), StandardCharsets.US_ASCII).replace("\n", "\r\n");
    }

    /**
     * Writes the kernel image to a file.
     *
     * @param folder an existing folder
     * @return the file, named after the guest
     * @throws IOException if it cannot be written
     */
    public Path copyInto(Path folder) throws IOException {
        Path file = folder.resolve(resource + ".elf");
        try (InputStream in = open(".elf")) {
            Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
        }
        return file;
    }

    private byte[] read(String suffix) {
        try (InputStream in = open(suffix)) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new IllegalStateException("resource " + resource + suffix + " cannot be read", e);
        }
    }

    private InputStream open(String suffix) {
        InputStream in = EmbeddedGuest.class.getResourceAsStream(resource + suffix);
        if (in == null) {
            throw new IllegalStateException("resource " + resource + suffix + " is missing");
        }
        return in;
    }
}

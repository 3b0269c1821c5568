package org.xenolith.cpu.jit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * The file of {@link StoredTranslations}: read only where nobody but this user can have written it, checked as a whole, replaced as a whole. One
 * for each version of the emulator; the newest three are kept.
 */
final class StoreFile {
    private static final long MAGIC = 0x5452_4e41_4f4e_4558L;
    private static final int FORMAT = 2;
    private static final int HEADER = 64;
    // offsets in the header
    private static final int RUN = 12;
    private static final int VERSION = 16;
    private static final int ENTRIES = 24;
    private static final int CRC = 28;
    private static final int BYTES = 32;
    private static final int SLOTS = 40;
    private static final int MAX_SLOTS = 1 << 24;
    private static final int CHUNK = 1 << 20;
    private static final int KEPT = 3;
    private static final long HOUR_MS = 3_600_000;
    private static final String PREFIX = "translations-";
    private static final String PART = ".part";
    private static final int OTHERS_WRITE = 0022;

    private final Path directory;
    private final long version;
    private final Path file;

    /** @param version which translations may be used */
    StoreFile(Path directory, long version) {
        this.directory = directory;
        this.version = version;
        file = directory.resolve(PREFIX + String.format("%016x", version));
    }

    Path path() {
        return file;
    }

    /**
     * What a file holds.
     *
     * @param run number of the run that wrote it
     * @param entries how many
     * @param table positions of the entries by hash, see {@link StoredTranslations}
     * @param data the entries, one behind the other
     */
    record Content(int run, int entries, int[] table, byte[] data) {
    }

    /** The file must not be used; the message says why. */
    static final class UnusableException extends IOException {
        private static final long serialVersionUID = 1;

        UnusableException(String message) {
            super(message);
        }
    }

    /**
     * Reads all.
     *
     * @param limit most bytes of entries
     * @return nothing when there is no file
     * @throws UnusableException if others could have written it, or it is damaged
     */
    Optional<Content> read(int limit) throws IOException {
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.empty();
        }
        checkOwned(directory);
        checkOwned(file);
        try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.of(read(in, limit));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    private Content read(FileChannel in, int limit) throws IOException {
        ByteBuffer header = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
        fill(in, header);
        int entries = header.getInt(ENTRIES);
        int slots = header.getInt(SLOTS);
        long bytes = header.getLong(BYTES);
        if (header.getLong(0) != MAGIC || header.getInt(8) != FORMAT || header.getLong(VERSION) != version) {
            throw new UnusableException("is not of this version");
        }
        if (bytes < 0 || bytes > limit || Integer.bitCount(slots) != 1 || slots < 2 || slots > MAX_SLOTS
                || entries < 0 || entries > slots / 2 || HEADER + 4L * slots + bytes != in.size()) {
            throw new UnusableException("is damaged: its length is not what it says");
        }
        final int expected = header.getInt(CRC);
        header.putInt(CRC, 0);
        CRC32C crc = new CRC32C();
        crc.update(header.array());
        ByteBuffer slotBytes = ByteBuffer.wrap(read(in, 4 * slots, crc)).order(ByteOrder.LITTLE_ENDIAN);
        byte[] data = read(in, (int) bytes, crc);
        if ((int) crc.getValue() != expected) {
            throw new UnusableException("is damaged: its checksum is wrong");
        }
        int[] table = new int[slots];
        slotBytes.asIntBuffer().get(table);
        int used = 0;
        for (int slot : table) {
            used += slot == 0 ? 0 : 1;
        }
        if (used != entries) {
            throw new UnusableException("is damaged: its table is not of its entries");
        }
        return new Content(header.getInt(RUN), entries, table, data);
    }

    private static byte[] read(FileChannel in, int bytes, CRC32C crc) throws IOException {
        byte[] all = new byte[bytes];
        for (int done = 0; done < bytes;) {
            int n = Math.min(CHUNK, bytes - done);
            fill(in, ByteBuffer.wrap(all, done, n));
            crc.update(all, done, n);
            done += n;
        }
        return all;
    }

    private static void fill(FileChannel in, ByteBuffer to) throws IOException {
        while (to.hasRemaining()) {
            if (in.read(to) < 0) {
                throw new UnusableException("is damaged: it is too short");
            }
        }
    }

    /** A writer of a new file, which takes the old one's place once all is written. */
    final class Writer implements AutoCloseable {
        private final Path part;
        private final FileChannel out;
        private final ByteBuffer chunk = ByteBuffer.allocate(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
        private final CRC32C crc = new CRC32C();

        /** @param bytes of entries that {@link #add} will be given */
        Writer(int run, int entries, int[] table, long bytes) throws IOException {
            makeDirectory();
            part = Files.createTempFile(directory, PREFIX, PART,
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            out = FileChannel.open(part, StandardOpenOption.WRITE);
            chunk.putLong(MAGIC).putInt(FORMAT).putInt(RUN, run).putLong(VERSION, version).putInt(ENTRIES, entries)
                    .putLong(BYTES, bytes).putInt(SLOTS, table.length);
            chunk.position(HEADER);
            for (int slot : table) {
                if (!chunk.hasRemaining()) {
                    flush();
                }
                chunk.putInt(slot);
            }
        }

        void add(byte[] from, int offset, int length) throws IOException {
            for (int done = 0; done < length;) {
                if (!chunk.hasRemaining()) {
                    flush();
                }
                int n = Math.min(length - done, chunk.remaining());
                chunk.put(from, offset + done, n);
                done += n;
            }
        }

        private void flush() throws IOException {
            crc.update(chunk.array(), 0, chunk.position());
            write();
        }

        private void write() throws IOException {
            chunk.flip();
            while (chunk.hasRemaining()) {
                out.write(chunk);
            }
            chunk.clear();
        }

        /** Puts the file in its place. */
        void finish() throws IOException {
            flush();
            out.position(CRC);
            chunk.putInt((int) crc.getValue());
            write();
            out.close();
            try {
                Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } catch (AtomicMoveNotSupportedException e) {
                throw new IOException("cannot be replaced in one step", e);
            }
            tidy();
        }

        @Override
        public void close() throws IOException {
            out.close();
            Files.deleteIfExists(part);
        }
    }

    private void makeDirectory() throws IOException {
        if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
            Files.createDirectories(directory.toAbsolutePath().getParent());
            try {
                Files.createDirectory(directory,
                        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            } catch (FileAlreadyExistsException e) {
                if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
                    throw e;
                }
            }
        }
        checkOwned(directory);
    }

    /** Marks the file as used, so that it is among the newest. */
    void touch() throws IOException {
        Files.setLastModifiedTime(file, FileTime.fromMillis(System.currentTimeMillis()));
    }

    /** Deletes what other versions and interrupted runs have left. */
    private void tidy() throws IOException {
        List<Path> versions = new ArrayList<>();
        long now = System.currentTimeMillis();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(directory, PREFIX + "*")) {
            for (Path p : all) {
                if (!p.getFileName().toString().endsWith(PART)) {
                    versions.add(p);
                } else if (now - modified(p) > HOUR_MS) {
                    Files.deleteIfExists(p);
                }
            }
        }
        versions.sort(Comparator.comparingLong(StoreFile::modified).reversed());
        for (Path old : versions.subList(Math.min(KEPT, versions.size()), versions.size())) {
            Files.deleteIfExists(old);
        }
    }

    private static long modified(Path p) {
        try {
            return Files.getLastModifiedTime(p, LinkOption.NOFOLLOW_LINKS).toMillis();
        } catch (IOException e) {
            return Long.MAX_VALUE;
        }
    }

    /** Nobody but this user may be able to write it. */
    private static void checkOwned(Path p) throws IOException {
        if (Files.isSymbolicLink(p)) {
            throw new UnusableException("is a symbolic link");
        }
        Object me = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
        if (!me.equals(Files.getAttribute(p, "unix:uid", LinkOption.NOFOLLOW_LINKS))) {
            throw new UnusableException(name(p) + "belongs to another user");
        }
        int mode = (int) Files.getAttribute(p, "unix:mode", LinkOption.NOFOLLOW_LINKS);
        if ((mode & OTHERS_WRITE) != 0) {
            throw new UnusableException(name(p) + "can be written by other users");
        }
    }

    private static String name(Path p) {
        return Files.isDirectory(p) ? "its folder " : "";
    }
}

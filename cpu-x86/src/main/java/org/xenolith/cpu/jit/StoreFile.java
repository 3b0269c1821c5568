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
import java.util.zip.CRC32C;
import org.xenolith.memory.RawMemory;

/**
 * The file of {@link StoredTranslations}: read only where nobody but this user can have written it, checked as a whole, replaced as a whole. One
 * for each version of the emulator; the newest three are kept.
 */
final class StoreFile {
    private static final long MAGIC = 0x5452_4e41_4f4e_4558L;
    private static final int FORMAT = 1;
    private static final int HEADER = 64;
    private static final int CRC = 28;
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

    /** What a file holds. */
    record Content(int run, int entries, long bytes) {
        static final Content NOTHING = new Content(0, 0, 0);
    }

    /** The file must not be used; the message says why. */
    static final class UnusableException extends IOException {
        private static final long serialVersionUID = 1;

        UnusableException(String message) {
            super(message);
        }
    }

    /**
     * Reads the entries.
     *
     * @param to host address of room for {@code limit} bytes
     * @return {@link Content#NOTHING} when there is no file
     * @throws UnusableException if others could have written it, or it is damaged
     */
    Content read(long to, long limit) throws IOException {
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            return Content.NOTHING;
        }
        checkOwned(directory);
        checkOwned(file);
        try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
            return read(in, to, limit);
        } catch (NoSuchFileException e) {
            return Content.NOTHING;
        }
    }

    private Content read(FileChannel in, long to, long limit) throws IOException {
        ByteBuffer chunk = ByteBuffer.allocate(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
        chunk.limit(HEADER);
        if (!fill(in, chunk)) {
            throw new UnusableException("is too short");
        }
        long bytes = chunk.getLong(32);
        if (chunk.getLong(0) != MAGIC || chunk.getInt(8) != FORMAT || chunk.getLong(16) != version) {
            throw new UnusableException("is not of this version");
        }
        if (bytes < 0 || bytes > limit || bytes != in.size() - HEADER) {
            throw new UnusableException("is damaged: its length is not what it says");
        }
        final Content content = new Content(chunk.getInt(12), chunk.getInt(24), bytes);
        final int expected = chunk.getInt(CRC);
        chunk.putInt(CRC, 0);
        CRC32C crc = new CRC32C();
        crc.update(chunk.array(), 0, HEADER);
        for (long done = 0; done < bytes;) {
            int n = (int) Math.min(CHUNK, bytes - done);
            chunk.clear().limit(n);
            if (!fill(in, chunk)) {
                throw new UnusableException("is too short");
            }
            crc.update(chunk.array(), 0, n);
            RawMemory.copyIn(chunk.array(), 0, to + done, n);
            done += n;
        }
        if ((int) crc.getValue() != expected) {
            throw new UnusableException("is damaged: its checksum is wrong");
        }
        return content;
    }

    private static boolean fill(FileChannel in, ByteBuffer chunk) throws IOException {
        while (chunk.hasRemaining()) {
            if (in.read(chunk) < 0) {
                return false;
            }
        }
        return true;
    }

    /** A writer of a new file, which takes the old one's place once all is written. */
    final class Writer implements AutoCloseable {
        private final Path part;
        private final FileChannel out;
        private final ByteBuffer chunk = ByteBuffer.allocate(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
        private final CRC32C crc = new CRC32C();

        /** @param content what {@link #add} will be given */
        Writer(Content content) throws IOException {
            makeDirectory();
            part = Files.createTempFile(directory, PREFIX, PART,
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            out = FileChannel.open(part, StandardOpenOption.WRITE);
            chunk.putLong(MAGIC).putInt(FORMAT).putInt(content.run).putLong(version).putInt(content.entries).putInt(0)
                    .putLong(content.bytes);
            chunk.position(HEADER);
            crc.update(chunk.array(), 0, HEADER);
        }

        void add(long from, int length) throws IOException {
            for (int done = 0; done < length;) {
                if (!chunk.hasRemaining()) {
                    flush();
                }
                int n = Math.min(length - done, chunk.remaining());
                RawMemory.copyOut(from + done, chunk.array(), chunk.position(), n);
                crc.update(chunk.array(), chunk.position(), n);
                chunk.position(chunk.position() + n);
                done += n;
            }
        }

        private void flush() throws IOException {
            chunk.flip();
            while (chunk.hasRemaining()) {
                out.write(chunk);
            }
            chunk.clear();
        }

        /** Puts the file in its place. */
        void finish() throws IOException {
            flush();
            chunk.putInt((int) crc.getValue()).flip();
            out.write(chunk, CRC);
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

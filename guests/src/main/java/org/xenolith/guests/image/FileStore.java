package org.xenolith.guests.image;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A file of the host, locked: one writer, or any number of readers.
 *
 * <p>The locks are on bytes that QEMU uses for the same purpose, so that neither opens what the other writes: byte 100 for "reads", byte 201 for "nobody else
 * may write", and all of 100 to 299 for a writer. A file system without locks leaves the file unprotected, with a warning in the log.
 */
public final class FileStore implements ByteStore {
    private static final Logger LOG = LoggerFactory.getLogger(FileStore.class);
    /** Pieces, because the JDK keeps a direct buffer as large as the largest single transfer. */
    private static final int CHUNK = 1 << 20;

    private static final long LOCK_READ = 100;
    private static final long LOCK_NO_WRITER = 201;
    private static final long LOCK_UNUSED = 190;
    private static final long LOCK_LENGTH = 200;

    private final String name;
    private final FileChannel channel;
    private boolean forceFailed;

    private FileStore(String name, FileChannel channel) {
        this.name = name;
        this.channel = channel;
    }

    /**
     * Opens a file that is there.
     *
     * @param path the file
     * @param writable whether to write to it
     * @throws NoSuchFileException if it is not there
     * @throws DiskException if it is no file, may not be used, or is in use
     */
    public static FileStore open(Path path, boolean writable) throws IOException {
        String name = path.toString();
        if (Files.isDirectory(path)) {
            throw new DiskException(name, "is a directory; a disk image is needed");
        }
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw new DiskException(name, "is not a regular file; devices of the host cannot be disks");
        }
        return open(name, path, writable,
                writable ? Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE) : Set.of(StandardOpenOption.READ));
    }

    /**
     * Makes a file, or empties the one that is there.
     *
     * @param path the file
     * @throws DiskException if it cannot be made or is in use
     */
    public static FileStore create(Path path) throws IOException {
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw new DiskException(path.toString(), "is there and not a regular file");
        }
        FileStore store = open(path.toString(), path, true,
                Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE));
        try {
            store.resize(0); // not before it is locked
        } catch (IOException e) {
            store.channel.close();
            throw e;
        }
        return store;
    }

    private static FileStore open(String name, Path path, boolean writable, Set<StandardOpenOption> options)
            throws IOException {
        FileChannel channel;
        try {
            channel = FileChannel.open(path, options);
        } catch (NoSuchFileException e) {
            throw e;
        } catch (AccessDeniedException e) {
            throw new DiskException(name, "may not be " + (writable ? "written" : "read") + ": permission denied"
                    + (writable && Files.isReadable(path) ? "; 'ro' or 'snapshot' would do with reading" : ""), e);
        } catch (IOException e) {
            throw new DiskException(name, "cannot be opened: " + reasonOf(e), e);
        }
        try {
            boolean free = writable
                    ? lock(name, channel, LOCK_READ, LOCK_LENGTH, false)
                    : lockForReading(name, channel);
            if (!free) {
                throw new DiskException(name, writable
                        ? "is in use by another disk or program; two may not write to one image"
                        : "is being written by another disk or program");
            }
        } catch (IOException e) {
            channel.close();
            throw e;
        }
        return new FileStore(name, channel);
    }

    private static boolean lockForReading(String name, FileChannel channel) throws IOException {
        return lock(name, channel, LOCK_READ, 1, true) && lock(name, channel, LOCK_NO_WRITER, 1, true);
    }

    /** Locks bytes until the channel is closed; false if another holds them. */
    private static boolean lock(String name, FileChannel channel, long from, long length, boolean shared)
            throws IOException {
        try {
            return channel.tryLock(from, length, shared) != null;
        } catch (OverlappingFileLockException e) {
            // this process has it open; two readers are fine, and only a writer holds the unused bytes
            return shared && isFree(channel);
        } catch (IOException e) {
            LOG.warn("{}: cannot be locked ({}); make sure that nobody else writes to it", name, reasonOf(e));
            return true;
        }
    }

    private static boolean isFree(FileChannel channel) throws IOException {
        try (FileLock probe = channel.tryLock(LOCK_UNUSED, 1, true)) {
            return probe != null;
        } catch (OverlappingFileLockException e) {
            return false;
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public long size() throws IOException {
        try {
            return channel.size();
        } catch (IOException e) {
            throw failed("examined", e);
        }
    }

    @Override
    public void read(long offset, byte[] to, int at, int length) throws IOException {
        try {
            int done = 0;
            while (done < length) {
                int n = channel.read(ByteBuffer.wrap(to, at + done, Math.min(CHUNK, length - done)), offset + done);
                if (n <= 0) {
                    Arrays.fill(to, at + done, at + length, (byte) 0);
                    return;
                }
                done += n;
            }
        } catch (IOException e) {
            throw failed("read at " + offset, e);
        }
    }

    @Override
    public void write(long offset, byte[] from, int at, int length) throws IOException {
        try {
            int done = 0;
            while (done < length) {
                done += channel.write(ByteBuffer.wrap(from, at + done, Math.min(CHUNK, length - done)), offset + done);
            }
        } catch (IOException e) {
            throw failed("written at " + offset, e);
        }
    }

    @Override
    public void resize(long size) throws IOException {
        try {
            long now = channel.size();
            if (size < now) {
                channel.truncate(size);
            } else if (size > now) {
                channel.write(ByteBuffer.wrap(new byte[1]), size - 1);
            }
        } catch (IOException e) {
            throw failed("made " + size + " bytes long", e);
        }
    }

    @Override
    public void force() throws IOException {
        if (forceFailed) {
            throw new DiskException(name, "an earlier flush failed; what was written before it may be lost");
        }
        try {
            channel.force(false);
        } catch (IOException e) {
            forceFailed = true; // the kernel may have dropped the pages: a second fsync that succeeds proves nothing
            throw failed("flushed", e);
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    private DiskException failed(String what, IOException e) {
        return new DiskException(name, "cannot be " + what + ": " + reasonOf(e), e);
    }

    private static String reasonOf(IOException e) {
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }
}

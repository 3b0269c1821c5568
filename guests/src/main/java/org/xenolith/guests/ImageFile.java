package org.xenolith.guests;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.xenolith.memory.GuestMemory;

/**
 * A file that a guest is built from: checked when it is opened, read in pieces or as a whole.
 *
 * @param path where it lies
 * @param name as the user wrote it, for messages
 * @param size its length in bytes, above 0
 */
public record ImageFile(Path path, String name, long size) {
    private static final int CHUNK = 1 << 20;

    /**
     * Checks that a file can serve as an image.
     *
     * @param path the file
     * @return the file and its size
     * @throws NoSuchFileException if there is nothing at that path
     * @throws ImageException if it is a directory, empty, or may not be read
     */
    public static ImageFile open(Path path) throws NoSuchFileException, ImageException {
        String name = path.toString();
        if (!Files.exists(path)) {
            throw new NoSuchFileException(name);
        }
        if (Files.isDirectory(path)) {
            throw new ImageException(name, "is a directory; an image file is needed");
        }
        if (!Files.isRegularFile(path)) {
            throw new ImageException(name, "is not a regular file; copy it to one first");
        }
        if (!Files.isReadable(path)) {
            throw new ImageException(name, "may not be read: permission denied");
        }
        try {
            long size = Files.size(path);
            if (size == 0) {
                throw new ImageException(name, "is empty");
            }
            return new ImageFile(path, name, size);
        } catch (IOException e) {
            throw new ImageException(name, "cannot be examined: " + reasonOf(e), e);
        }
    }

    /**
     * Reads the whole file.
     *
     * @param limit the largest size that is accepted, in bytes
     * @return the content, {@link #size()} bytes
     * @throws ImageException if the file is larger than the limit, has become shorter, or cannot be read
     */
    public byte[] readAll(long limit) throws ImageException {
        long most = Math.min(limit, Integer.MAX_VALUE - 16L);
        if (size > most) {
            throw new ImageException(name, "is too large: " + size + " bytes, at most " + most + " can be used");
        }
        byte[] content = new byte[(int) size];
        try (SeekableByteChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            ByteBuffer buffer = ByteBuffer.wrap(content);
            while (buffer.hasRemaining()) {
                // Pieces, because the JDK keeps a direct buffer as large as the largest single read.
                buffer.limit(Math.min(content.length, buffer.position() + CHUNK));
                if (channel.read(buffer) < 0) {
                    throw shrunk();
                }
                buffer.limit(content.length);
            }
        } catch (IOException e) {
            throw unreadable(e);
        }
        return content;
    }

    /**
     * Copies the whole file into guest memory without holding more than a piece of it.
     *
     * @param memory the guest's memory
     * @param gpa where the first byte goes; {@link #size()} bytes from there must be RAM
     * @throws ImageException if the file has become shorter or cannot be read
     */
    public void copyTo(GuestMemory memory, long gpa) throws ImageException {
        byte[] piece = new byte[(int) Math.min(CHUNK, size)];
        try (SeekableByteChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            long done = 0;
            while (done < size) {
                ByteBuffer buffer = ByteBuffer.wrap(piece, 0, (int) Math.min(piece.length, size - done));
                int n = channel.read(buffer);
                if (n < 0) {
                    throw shrunk();
                }
                memory.write(gpa + done, piece, 0, n);
                done += n;
            }
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    private ImageException shrunk() {
        return new ImageException(name, "became shorter while it was read");
    }

    private ImageException unreadable(IOException e) {
        return new ImageException(name, "cannot be read: " + reasonOf(e), e);
    }

    private static String reasonOf(IOException e) {
        if (e instanceof AccessDeniedException) {
            return "permission denied";
        }
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }
}

package org.xenolith.cli;

import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** How far a child has come, in a file that stays when the child's JVM does not. */
final class HostileProgress implements AutoCloseable {
    private static final int PROGRAM = 0;
    private static final int DONE = 8;
    private static final int INSTRUCTIONS = 16;
    private static final int FAILURES = 24;
    private static final int SIZE = 32;

    private final FileChannel channel;
    private final MappedByteBuffer map;

    HostileProgress(Path file) throws IOException {
        channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        map = channel.map(FileChannel.MapMode.READ_WRITE, 0, SIZE);
    }

    void clear() {
        for (int i = 0; i < SIZE; i += 8) {
            map.putLong(i, 0);
        }
        map.putLong(PROGRAM, -1);
    }

    /** A program begins. */
    void at(long program) {
        map.putLong(PROGRAM, program);
    }

    void done(long instructions, long failures) {
        map.putLong(INSTRUCTIONS, instructions);
        map.putLong(FAILURES, failures);
        map.putLong(DONE, 1);
    }

    /** The last program that began; -1 before the first. */
    long program() {
        return map.getLong(PROGRAM);
    }

    boolean isDone() {
        return map.getLong(DONE) != 0;
    }

    long instructions() {
        return map.getLong(INSTRUCTIONS);
    }

    long failures() {
        return map.getLong(FAILURES);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}

package org.xenolith.guests.pvh;

import java.util.Arrays;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.ImageFile;
import org.xenolith.memory.GuestMemory;

/** Something that the domain builder puts into guest memory before the guest starts. */
public sealed interface Piece {
    /** {@return what it is, for the log} */
    String name();

    /** {@return guest-physical address of its first byte} */
    long gpa();

    /** {@return its length in bytes} */
    long size();

    /**
     * Puts it there.
     *
     * @param memory the guest's memory, all zeros where no other piece lies
     * @throws ImageException if a file that it comes from can no longer be read
     */
    void writeTo(GuestMemory memory) throws ImageException;

    /**
     * Bytes at hand. Whole pages of zeros are not written, so that they cost the host no memory.
     *
     * @param name what it is
     * @param gpa where it goes
     * @param bytes holds the bytes
     * @param offset index of the first one
     * @param length how many
     */
    record Bytes(String name, long gpa, byte[] bytes, int offset, int length) implements Piece {
        private static final int PAGE = 4096;
        private static final byte[] ZEROS = new byte[PAGE];

        @Override
        public long size() {
            return length;
        }

        @Override
        public void writeTo(GuestMemory memory) {
            int pending = 0;
            int done = 0;
            while (done < length) {
                int step = (int) Math.min(PAGE - (gpa + done & PAGE - 1), length - done);
                if (isZero(offset + done, step)) {
                    flush(memory, pending, done);
                    pending = done + step;
                }
                done += step;
            }
            flush(memory, pending, done);
        }

        private boolean isZero(int from, int count) {
            return Arrays.equals(bytes, from, from + count, ZEROS, 0, count);
        }

        private void flush(GuestMemory memory, int from, int to) {
            if (from < to) {
                memory.write(gpa + from, bytes, offset + from, to - from);
            }
        }
    }

    /**
     * A whole file.
     *
     * @param name what it is
     * @param gpa where it goes
     * @param file the file
     */
    record Whole(String name, long gpa, ImageFile file) implements Piece {
        @Override
        public long size() {
            return file.size();
        }

        @Override
        public void writeTo(GuestMemory memory) throws ImageException {
            file.copyTo(memory, gpa);
        }
    }
}

package org.xenolith.hypervisor.p2m;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;

class FrameTableTest {
    private static final int FRAMES = 2048;

    private final PhysicalMemory memory = new PhysicalMemory((long) FRAMES << 12);
    private final FrameTable frames = new FrameTable(memory);

    @AfterEach
    void close() {
        memory.close();
    }

    @Test
    void a_frame_stays_until_its_last_reference_is_dropped() {
        long mfn = frames.allocate(1);
        frames.get(mfn);
        assertFalse(frames.put(mfn));
        assertEquals(1, frames.owner(mfn));
        assertTrue(frames.put(mfn));
        assertEquals(FrameTable.NOBODY, frames.owner(mfn));
        assertThrows(IllegalStateException.class, () -> frames.put(mfn));
        assertEquals(FRAMES, frames.freeFrames());
    }

    @Test
    void every_frame_that_is_taken_is_zero_in_whatever_order_frames_were_freed() {
        SplittableRandom random = new SplittableRandom(1);
        List<Long> held = new ArrayList<>();
        for (int round = 0; round < 20; round++) {
            for (long mfn = frames.allocate(1); mfn >= 0; mfn = frames.allocate(1)) {
                assertEquals(0, RawMemory.get64(memory.hostPage(mfn)), "first bytes of " + mfn);
                assertEquals(0, RawMemory.get64(memory.hostPage(mfn) + 4088), "last bytes of " + mfn);
                RawMemory.put64(memory.hostPage(mfn), -1);
                RawMemory.put64(memory.hostPage(mfn) + 4088, -1);
                held.add(mfn);
            }
            held.sort(round % 2 == 0 ? Long::compare : (a, b) -> Long.compare(b, a));
            int keep = random.nextInt(4);
            held.removeIf(mfn -> (keep == 0 || random.nextInt(keep * keep) != 0) && frames.put(mfn));
        }
    }

    @Test
    void code_in_a_freed_frame_is_stale_at_once() {
        List<Long> written = new ArrayList<>();
        memory.setCodeListener(written::add);
        long mfn = frames.allocate(1);
        memory.setState(mfn, PhysicalMemory.HAS_CODE);
        frames.put(mfn);
        assertEquals(List.of(mfn), written);
    }
}

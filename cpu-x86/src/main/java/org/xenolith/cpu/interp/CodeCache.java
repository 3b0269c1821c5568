package org.xenolith.cpu.interp;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.decode.Block;
import org.xenolith.memory.PhysicalMemory;

/**
 * Decoded blocks of one machine, by machine address and code size, shared by its CPUs. A write to a frame that holds code drops all of its
 * blocks.
 */
public final class CodeCache {
    private static final int BUCKETS = 512;

    private final PhysicalMemory memory;
    private final Block[][] pages;
    private final List<Cpu> cpus = new ArrayList<>();
    /** Blocks whose last instruction reaches into a frame, by that frame. */
    private final Map<Integer, List<Block>> crossing = new HashMap<>();
    private long decodedBlocks;
    private long droppedPages;

    public CodeCache(PhysicalMemory memory) {
        this.memory = memory;
        pages = new Block[(int) memory.frames()][];
        memory.setCodeListener(this::drop);
    }

    /** CPUs whose TLBs must not let writes to code pass unnoticed. */
    public void addCpu(Cpu cpu) {
        cpus.add(cpu);
    }

    public void removeCpu(Cpu cpu) {
        cpus.remove(cpu);
    }

    /** The block at a machine address, or null. */
    public Block find(long machineAddress, int codeBits) {
        Block[] page = pages[(int) (machineAddress >>> 12)];
        if (page == null) {
            return null;
        }
        Block b = page[bucket(machineAddress)];
        while (b != null && (b.machineAddress() != machineAddress || b.codeBits() != codeBits || !b.valid())) {
            b = b.nextInBucket();
        }
        return b;
    }

    /** Adds a block and protects the frames that it was decoded from. */
    public void add(Block b) {
        decodedBlocks++;
        long mfn = b.machineAddress() >>> 12;
        Block[] page = pages[(int) mfn];
        if (page == null) {
            page = new Block[BUCKETS];
            pages[(int) mfn] = page;
        }
        int k = bucket(b.machineAddress());
        b.setNextInBucket(withoutReplaced(page[k], b));
        page[k] = b;
        protect(mfn);
        if (b.secondMfn() >= 0) {
            List<Block> reaching = crossing.computeIfAbsent((int) b.secondMfn(), second -> new ArrayList<>());
            reaching.removeIf(old -> !old.valid());
            reaching.add(b);
            protect(b.secondMfn());
        }
    }

    /**
     * A bucket's chain without stale blocks and without those that {@code b} takes the place of: a block is decoded again when its second
     * page or its segment's limit has changed, and the chain must not grow by that.
     */
    private static Block withoutReplaced(Block first, Block b) {
        Block kept = null;
        for (Block old = first; old != null;) {
            Block next = old.nextInBucket();
            if (old.machineAddress() == b.machineAddress() && old.codeBits() == b.codeBits()) {
                old.invalidate();
            }
            if (old.valid()) {
                old.setNextInBucket(kept);
                kept = old;
            }
            old = next;
        }
        return kept;
    }

    private void protect(long mfn) {
        if (!memory.hasState(mfn, PhysicalMemory.HAS_CODE)) {
            memory.setState(mfn, PhysicalMemory.HAS_CODE);
            if (memory.hasState(mfn, PhysicalMemory.WRITE_MAPPED)) {
                memory.clearState(mfn, PhysicalMemory.WRITE_MAPPED);
                for (Cpu cpu : cpus) {
                    cpu.mmu().protectFrame(mfn);
                }
            }
        }
    }

    private void drop(long mfn) {
        List<Block> reaching = crossing.remove((int) mfn);
        if (reaching != null) {
            reaching.forEach(Block::invalidate);
            cpus.forEach(Cpu::requestAttention);
        }
        Block[] page = pages[(int) mfn];
        if (page == null) {
            return;
        }
        droppedPages++;
        pages[(int) mfn] = null;
        for (Block first : page) {
            for (Block b = first; b != null; b = b.nextInBucket()) {
                b.invalidate();
            }
        }
        for (Cpu cpu : cpus) {
            cpu.requestAttention();
        }
    }

    private static int bucket(long machineAddress) {
        return (int) (machineAddress ^ machineAddress >>> 5) & BUCKETS - 1;
    }

    /** Blocks decoded since the start. */
    public long decodedBlocks() {
        return decodedBlocks;
    }

    /** Times that a write dropped a page's blocks. */
    public long droppedPages() {
        return droppedPages;
    }
}

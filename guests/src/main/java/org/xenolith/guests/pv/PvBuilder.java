package org.xenolith.guests.pv;

import static org.xenolith.guests.LittleEndian.put32;
import static org.xenolith.guests.LittleEndian.put64;

import java.util.List;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.pvh.Piece;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.E820Entry;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.toolstack.DomainLinks;

/** Fills a new PV domain: memory, kernel, p2m list, start info and page tables, as {@link PvLayout} places them. */
public final class PvBuilder {
    private static final int PAGE = 4096;
    private static final int PAGE_SHIFT = 12;

    private final Domain domain;
    private final PvLayout layout;
    private final PvKernel kernel;
    private final PseudoPhysical memory;
    private final long maxPages;

    private PvBuilder(Domain domain, PvLayout layout, long maxPages) {
        this.domain = domain;
        this.layout = layout;
        this.maxPages = maxPages;
        this.kernel = layout.kernel();
        this.memory = new PseudoPhysical(domain, Math.toIntExact(layout.pages()));
    }

    /**
     * Gives a domain its memory and writes all that it starts with.
     *
     * @param domain a PV domain of the layout's word size that has no memory yet and may have {@code layout.pages()}
     * @param layout where what goes
     * @param maxPages pages that its memory map shows: those that it starts with and those that it can come to have
     * @throws ImageException if the initrd can no longer be read
     * @throws ErrnoException ENOMEM when machine memory has no room
     */
    public static PvStart build(Domain domain, PvLayout layout, long maxPages) throws ImageException {
        return new PvBuilder(domain, layout, maxPages).build();
    }

    private PvStart build() throws ImageException {
        if (!kernel.wide()) {
            memory.moveBelowFourGib((int) layout.topTablePfn());
        }
        memory.publish();
        for (Piece piece : layout.pieces()) {
            piece.writeTo(memory);
        }
        writeP2m();
        layout.tables().write(memory, memory::mfn);
        long xenstore = memory.mfn(layout.xenstorePfn());
        long console = memory.mfn(layout.consolePfn());
        DomainLinks.offer(domain, xenstore, console);
        memory.write(layout.startInfoPfn() << PAGE_SHIFT, startInfo(xenstore, console), 0, PAGE);
        domain.setMemoryMap(List.of(new E820Entry(0, maxPages << PAGE_SHIFT, E820Entry.RAM)));
        return new PvStart(layout.abi(), memory.mfn(layout.topTablePfn()), kernel.entry(),
                kernel.va(layout.stackPfn() + 1), kernel.va(layout.startInfoPfn()),
                kernel.hypercallPage() < 0 ? -1 : memory.mfn(kernel.hypercallPage()),
                memory.mfn(layout.startInfoPfn()), xenstore, console);
    }

    private void writeP2m() {
        int word = layout.abi().wordBytes();
        int perPage = PAGE / word;
        byte[] page = new byte[PAGE];
        for (int first = 0; first < memory.pages(); first += perPage) {
            int n = Math.min(perPage, memory.pages() - first);
            for (int i = 0; i < n; i++) {
                long mfn = memory.mfn(first + i);
                if (kernel.wide()) {
                    put64(page, i * word, mfn);
                } else {
                    put32(page, i * word, (int) mfn);
                }
            }
            memory.write((layout.p2mPfn() << PAGE_SHIFT) + (long) first * word, page, 0, n * word);
        }
    }

    private byte[] startInfo(long xenstore, long console) {
        boolean module = layout.initrdSize() != 0;
        boolean byFrame = module && kernel.unmappedModule();
        boolean ownP2m = kernel.ownP2m();
        return new StartInfo(kernel.wide())
                .word(layout.pages())
                .word(domain.sharedInfo().page().mfn() << PAGE_SHIFT)
                .number(StartInfo.VIRT_P2M_4TOOLS | (byFrame ? StartInfo.MOD_START_PFN : 0))
                .word(xenstore)
                .number(DomainLinks.storePort(domain))
                .word(console)
                .number(DomainLinks.consolePort(domain))
                .word(kernel.va(layout.topTablePfn()))
                .word(layout.tableFrames())
                .word(layout.p2mVa())
                .word(!module ? 0 : byFrame ? layout.initrdPfn() : kernel.va(layout.initrdPfn()))
                .word(layout.initrdSize())
                .text(layout.commandLine(), PvLayout.MAX_COMMAND_LINE)
                .word(ownP2m ? layout.p2mPfn() : 0)
                .word(ownP2m ? layout.p2mFrames() : 0)
                .page();
    }
}

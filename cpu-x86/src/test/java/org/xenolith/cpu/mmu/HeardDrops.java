package org.xenolith.cpu.mmu;

import java.util.ArrayList;
import java.util.List;

/** What a listener was told, in order: {@code all}, {@code nonglobal}, {@code programs}, or the address of a page in hexadecimal. */
final class HeardDrops implements FetchListener {
    final List<String> heard = new ArrayList<>();

    @Override
    public void allDropped() {
        heard.add("all");
    }

    @Override
    public void nonGlobalDropped() {
        heard.add("nonglobal");
    }

    @Override
    public void programsDropped() {
        heard.add("programs");
    }

    @Override
    public void pageDropped(long va) {
        heard.add(Long.toHexString(va));
    }
}

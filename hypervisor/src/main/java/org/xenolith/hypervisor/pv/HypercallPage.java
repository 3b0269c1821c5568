package org.xenolith.hypervisor.pv;

import java.util.Arrays;
import org.xenolith.hypervisor.abi.GuestAbi;

/**
 * The page of entry stubs through which PV kernels make hypercalls: 128 stubs of 32 bytes, by number. 64-bit kernels use SYSCALL, which takes
 * RCX and R11; 32-bit ones INT 82h. The iret stub pushes what {@code HYPERVISOR_iret} looks for on the stack and does not come back.
 */
public final class HypercallPage {
    private static final int STUB_BYTES = 32;
    private static final int IRET = 23;
    private static final int INT3 = 0xcc;

    private HypercallPage() {
    }

    /** The 4096 bytes for guests of a word size. */
    public static byte[] bytes(GuestAbi abi) {
        byte[] page = new byte[4096];
        Arrays.fill(page, (byte) INT3);
        for (int n = 0; n < page.length / STUB_BYTES; n++) {
            byte[] stub = abi == GuestAbi.X86_64 ? stub64(n) : stub32(n);
            System.arraycopy(stub, 0, page, n * STUB_BYTES, stub.length);
        }
        return page;
    }

    private static byte[] stub64(int n) {
        if (n == IRET) {
            // push rcx; push r11; push rax; mov eax, n; syscall
            return code(0x51, 0x41, 0x53, 0x50, 0xb8, n, 0, 0, 0, 0x0f, 0x05);
        }
        // push rcx; push r11; mov eax, n; syscall; pop r11; pop rcx; ret
        return code(0x51, 0x41, 0x53, 0xb8, n, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3);
    }

    private static byte[] stub32(int n) {
        if (n == IRET) {
            // push eax; mov eax, n; int 82h
            return code(0x50, 0xb8, n, 0, 0, 0, 0xcd, 0x82);
        }
        // mov eax, n; int 82h; ret
        return code(0xb8, n, 0, 0, 0, 0xcd, 0x82, 0xc3);
    }

    private static byte[] code(int... bytes) {
        byte[] b = new byte[bytes.length];
        for (int i = 0; i < b.length; i++) {
            b[i] = (byte) bytes[i];
        }
        return b;
    }
}

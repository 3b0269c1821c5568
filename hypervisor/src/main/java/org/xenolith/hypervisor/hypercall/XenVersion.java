package org.xenolith.hypervisor.hypercall;

import static org.xenolith.hypervisor.abi.Struct.u32;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.UUID;
import org.xenolith.hypervisor.Container;
import org.xenolith.hypervisor.HostConfig;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.GuestAbi;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;

/** HYPERVISOR_xen_version (public/version.h). What only the control domain may know is empty for others. */
final class XenVersion implements Hypercall {
    static final Struct FEATURE_INFO = Struct.of("struct xen_feature_info", u32("submap_idx"), u32("submap"));

    private static final int EXTRAVERSION_LENGTH = 16;
    private static final int COMPILE_INFO_LENGTH = 64 + 16 + 32 + 32;
    private static final int CAPABILITIES_LENGTH = 1024;
    private static final int CHANGESET_LENGTH = 64;
    private static final int COMMANDLINE_LENGTH = 1024;
    private static final long VIRT_START_64 = 0xffff_8000_0000_0000L;
    private static final long VIRT_START_32 = 0xf580_0000L;

    /**
     * XENFEAT bits of an HVM guest: writable page tables, auto-translated, callback vector, safe pvclock, vnode, not
     * direct-mapped.
     */
    private static final int FEATURES_HVM = 1 | 1 << 2 | 1 << 8 | 1 << 9 | 1 << 13 | 1 << 16;

    /** Of a PV guest: extended CR3 of PAE, preserved accessed and dirty bits, high memory, GNTMAP flags, memory ops, not direct-mapped. */
    private static final int FEATURES_PV = 0x220f0;

    private final SubOperations operations = new SubOperations("xen_version")
            .add(0, "version", (c, arg) -> c.host().config().major() << 16 | c.host().config().minor())
            .add(1, "extraversion", (c, arg) -> text(c, arg, EXTRAVERSION_LENGTH, HostConfig::extraVersion))
            .add(2, "compile_info", (c, arg) -> text(c, arg, COMPILE_INFO_LENGTH, h -> ""))
            .add(3, "capabilities", (c, arg) -> text(c, arg, CAPABILITIES_LENGTH, HostConfig::capabilities))
            .add(4, "changeset", (c, arg) -> text(c, arg, CHANGESET_LENGTH, h -> ""))
            .add(5, "platform_parameters", (c, arg) -> {
                c.writeWord(arg, 0, c.abi() == GuestAbi.X86_64 ? VIRT_START_64 : VIRT_START_32);
                return 0;
            })
            .add(6, "get_features", XenVersion::features)
            .add(7, "pagesize", (c, arg) -> 4096)
            .add(8, "guest_handle", (c, arg) -> {
                c.writeBytes(arg, bytes(c.domain().config().uuid()));
                return 0;
            })
            .add(9, "commandline", (c, arg) -> text(c, arg, COMMANDLINE_LENGTH, h -> ""))
            .refuse(10, "build_id", Errno.EPERM);

    private interface Text {
        String of(HostConfig config);
    }

    @Override
    public long call(HypercallContext c) {
        return operations.call(c, c.arg32(0), c.arg(1));
    }

    private static long text(HypercallContext c, long arg, int length, Text text) {
        byte[] b = text.of(c.host().config()).getBytes(StandardCharsets.US_ASCII);
        byte[] out = Arrays.copyOf(b, length);
        out[length - 1] = 0;
        c.writeBytes(arg, out);
        return 0;
    }

    private static long features(HypercallContext c, long arg) {
        StructView v = c.read(FEATURE_INFO, arg);
        if (v.get("submap_idx") != 0) {
            return -Errno.EINVAL;
        }
        v.set("submap", c.vcpu().container().kind() == Container.Kind.HVM ? FEATURES_HVM : FEATURES_PV);
        c.write(v, arg);
        return 0;
    }

    /** A domain handle: the UUID's bytes in the order in which it is written. */
    private static byte[] bytes(UUID uuid) {
        byte[] b = new byte[16];
        for (int i = 0; i < 8; i++) {
            b[i] = (byte) (uuid.getMostSignificantBits() >>> 56 - 8 * i);
            b[8 + i] = (byte) (uuid.getLeastSignificantBits() >>> 56 - 8 * i);
        }
        return b;
    }
}

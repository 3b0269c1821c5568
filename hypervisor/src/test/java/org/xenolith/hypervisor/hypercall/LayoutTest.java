package org.xenolith.hypervisor.hypercall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.xenolith.hypervisor.abi.GuestAbi;
import org.xenolith.hypervisor.abi.Struct;

/**
 * Compares every structure layout with what the C compiler makes of Xen's public headers; skipped without gcc and
 * libxen-dev.
 */
final class LayoutTest {
    private static final List<Struct> ALL = List.of(
            MemoryOp.RESERVATION, MemoryOp.MEMORY_MAP, MemoryOp.FOREIGN_MEMORY_MAP, MemoryOp.REMOVE_FROM_PHYSMAP,
            PvMemoryOp.EXCHANGE, PvMemoryOp.MACHPHYS_MAPPING, PvMemoryOp.MACHPHYS_MFN_LIST, MmuUpdate.UPDATE,
            MmuextOp.OP,
            AddToPhysmap.ADD_TO_PHYSMAP, AddToPhysmap.ADD_TO_PHYSMAP_BATCH,
            EventChannelOp.BIND_INTERDOMAIN, EventChannelOp.BIND_VIRQ, EventChannelOp.BIND_PIRQ,
            EventChannelOp.BIND_IPI,
            EventChannelOp.STATUS, EventChannelOp.ALLOC_UNBOUND, EventChannelOp.BIND_VCPU, EventChannelOp.INIT_CONTROL,
            EventChannelOp.EXPAND_ARRAY, EventChannelOp.SET_PRIORITY,
            SchedOp.POLL, SchedOp.WATCHDOG, SchedOp.REMOTE_SHUTDOWN, XenVersion.FEATURE_INFO, Multicall.ENTRY,
            GrantTableOp.MAP, GrantTableOp.UNMAP, GrantTableOp.UNMAP_AND_REPLACE, GrantTableOp.SETUP_TABLE,
            GrantTableOp.DUMP_TABLE,
            GrantTableOp.TRANSFER,
            GrantTableOp.QUERY_SIZE, GrantTableOp.GET_STATUS_FRAMES, GrantTableOp.GET_VERSION, GrantTableOp.SWAP,
            GrantTableOp.CACHE_FLUSH, GrantCopy.COPY, VcpuOp.REGISTER_VCPU_INFO, VcpuOp.SET_SINGLESHOT,
            HvmContext.X86_32,
            HvmContext.X86_64, HvmOp.PARAM, HvmOp.UPCALL_VECTOR, HvmOp.GET_MEM_TYPE);

    @TempDir
    Path folder;

    @ParameterizedTest
    @EnumSource(GuestAbi.class)
    void layouts_are_those_of_the_public_headers(GuestAbi abi) throws Exception {
        assumeTrue(Files.exists(Path.of("/usr/include/xen/xen.h")) && Files.exists(Path.of("/usr/bin/gcc")),
                "needs gcc and Xen's public headers (Debian: gcc, libxen-dev)");
        StringBuilder c = new StringBuilder("""
                #include <stdint.h>
                #include <stddef.h>
                #define __XEN_INTERFACE_VERSION__ 0x00040e00
                #include <xen/xen.h>
                #include <xen/memory.h>
                #include <xen/event_channel.h>
                #include <xen/sched.h>
                #include <xen/version.h>
                #include <xen/grant_table.h>
                #include <xen/vcpu.h>
                #include <xen/hvm/hvm_op.h>
                #include <xen/hvm/hvm_vcpu.h>
                uint32_t values[] __attribute__((section("layout"))) = {
                """);
        List<String> names = new ArrayList<>();
        List<Integer> ours = new ArrayList<>();
        for (Struct s : ALL) {
            c.append("sizeof(").append(s.cName()).append("),\n");
            names.add("size of " + s.cName());
            ours.add(s.size(abi));
            for (String field : s.fieldNames()) {
                c.append("offsetof(").append(s.cName()).append(", ").append(field).append("),\n");
                names.add(s.cName() + "." + field);
                ours.add(s.offset(abi, field));
                c.append("sizeof(((").append(s.cName()).append(" *)0)->").append(field).append("),\n");
                names.add("size of " + s.cName() + "." + field);
                ours.add(s.fieldSize(abi, field));
            }
        }
        c.append("};\n");
        ByteBuffer theirs = compile(c.toString(), abi);
        List<String> differences = new ArrayList<>();
        for (int i = 0; i < ours.size(); i++) {
            int expected = theirs.getInt();
            if (expected != ours.get(i)) {
                differences.add(names.get(i) + " is " + expected + ", not " + ours.get(i));
            }
        }
        assertEquals(List.of(), differences);
    }

    private ByteBuffer compile(String source, GuestAbi abi) throws IOException, InterruptedException {
        Path c = Files.writeString(folder.resolve("layout.c"), source);
        run("gcc", abi == GuestAbi.X86_64 ? "-m64" : "-m32", "-ffreestanding", "-fno-pic", "-c", c.toString(), "-o",
                folder.resolve("layout.o").toString());
        run("objcopy", "-O", "binary", "-j", "layout", folder.resolve("layout.o").toString(),
                folder.resolve("layout.bin").toString());
        return ByteBuffer.wrap(Files.readAllBytes(folder.resolve("layout.bin"))).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void run(String... command) throws IOException, InterruptedException {
        Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(p.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        assertEquals(true, p.waitFor(60, TimeUnit.SECONDS));
        assertEquals(0, p.exitValue(), output);
    }
}

package org.xenolith.hypervisor.hypercall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.interp.CodeCache;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.jit.LockstepTier;
import org.xenolith.cpu.jit.NativeTier;
import org.xenolith.cpu.jit.Translations;
import org.xenolith.hypervisor.ShutdownReason;
import org.xenolith.hypervisor.abi.GuestAbi;
import org.xenolith.hypervisor.pv.Callback;
import org.xenolith.hypervisor.pv.HypercallPage;

/**
 * A 64-bit PV kernel of a few instructions in both tiers: exceptions, INT n, SYSCALL, events and privileged instructions come to its handler,
 * which copies its stack to {@link #DATA} and shuts down with reason 7.
 */
final class PvExecutionTest {
    private static final int HYPERCALLS = 10;
    private static final int CODE = 20;
    private static final int HANDLER = 21;
    private static final int USER_CODE = 22;
    private static final int STACK_TOP = 31;
    private static final int DATA = 40;
    private static final int KERNEL_CS = 0xe030;
    private static final int USER_CS = 0xe033;
    private static final int USER_SS = 0xe02b;
    /** mov rdi, DATA; mov rsi, rsp; mov ecx, 10; rep movsq; then SCHEDOP_shutdown of sched_op_compat with 7. */
    private static final String HANDLER_CODE = "48bf008002000088ffff4889e6b90a000000f348a5"
            + "bf02000000be0700000048b8c0a000000088ffffffd0";
    /** Pushes SS, RSP, RFLAGS, CS, RIP, flags, RCX, R11, RAX for user code at USER_CODE and makes HYPERVISOR_iret. */
    private static final String TO_USER = "48bb006001000088ffff48b900d001000088ffff682be0ffff5aba2be000005251"
            + "6802020000ba33e0000052536a006834120000687856000068bc1a0000b8170000000f05";

    private final TestHost host = new TestHost();
    private final PvGuest g = new PvGuest(host, GuestAbi.X86_64);
    private final CodeCache cache = new CodeCache(host.memory);
    private Translations translations;
    private NativeTier tier;

    @AfterEach
    void close() {
        if (tier != null) {
            tier.close();
        }
        host.close();
        if (translations != null) {
            translations.close();
        }
    }

    private void code(int page, String hex) {
        byte[] b = HexFormat.of().parseHex(hex);
        g.d.write(g.mfn(page) << 12, b, 0, b.length);
    }

    /** Starts the kernel with events masked and every exception going to the handler, and runs it to its end. */
    private void run(String tier, String hex) {
        start(hex);
        finish(tier);
    }

    private void start(String hex) {
        byte[] page = HypercallPage.bytes(GuestAbi.X86_64);
        g.d.write(g.mfn(HYPERCALLS) << 12, page, 0, page.length);
        code(CODE, hex);
        code(HANDLER, HANDLER_CODE);
        for (int v = 0; v < 32; v++) {
            g.v.pv().registers().traps().set(v, 0, USER_CS, g.va(HANDLER));
        }
        g.v.pv().registers().setKernelStack(USER_SS, g.va(STACK_TOP) - 0x100);
        g.v.pv().start(g.va(CODE), g.va(STACK_TOP), 0);
        g.d.unpause();
    }

    private void finish(String name) {
        Cpu cpu = g.v.cpu();
        Interpreter t;
        if (!name.equals("interpreter")) {
            assumeTrue(Translations.obstacle().isEmpty(), "host code runs here");
            translations = new Translations(4 << 20);
            tier = name.equals("native")
                    ? new NativeTier(cpu, cache, InstructionSet.create(), translations)
                    : new LockstepTier(cpu, cache, InstructionSet.create(), translations, LockstepTier.NO_FAULT);
            t = tier;
        } else {
            t = new Interpreter(cpu, cache, InstructionSet.create());
        }
        for (int i = 0; i < 100 && g.d.shutdownReason() < 0; i++) {
            t.run(1000);
        }
        assertNotEquals(-1, g.d.shutdownReason());
    }

    private long dumped(int word) {
        return g.peek(g.mfn(DATA), word);
    }

    private void assertFrame(int at, long rip, long cs, long flags, long rsp, long ss) {
        assertEquals(7, g.d.shutdownReason());
        assertEquals(rip, dumped(at));
        assertEquals(cs, dumped(at + 1));
        assertEquals(flags, dumped(at + 2) & 0x600);
        assertEquals(rsp, dumped(at + 3));
        assertEquals(ss, dumped(at + 4));
    }

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "native", "lockstep"})
    void an_exception_of_the_kernel_arrives_with_ring_0_and_its_event_mask_in_cs(String tier) {
        run(tier, "0f0b");
        assertFrame(2, g.va(CODE), 1L << 32 | KERNEL_CS, 0, g.va(STACK_TOP), USER_SS);
        // the exception, three instructions, ten words, four up to the stub, four in it
        assertEquals(22, g.v.cpu().retired());
    }

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "native", "lockstep"})
    void a_page_fault_of_the_kernel_is_not_a_users_and_its_address_is_in_vcpu_info(String tier) {
        // mov rax, [0x1000]
        run(tier, "488b042500100000");
        assertEquals(0, dumped(2));
        assertFrame(3, g.va(CODE), 1L << 32 | KERNEL_CS, 0, g.va(STACK_TOP), USER_SS);
        assertEquals(0x1000, g.v.info().cr2());
    }

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "native", "lockstep"})
    void int_n_needs_a_handler_that_admits_the_ring(String tier) {
        // int 80h: a general protection fault names the vector, RIP is the instruction's
        run(tier, "cd80");
        assertEquals(0x80 << 3 | 2, dumped(2));
        assertFrame(3, g.va(CODE), 1L << 32 | KERNEL_CS, 0, g.va(STACK_TOP), USER_SS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "native", "lockstep"})
    void int_n_that_is_admitted_returns_behind_itself(String tier) {
        start("cd80");
        g.v.pv().registers().traps().set(0x80, 1, USER_CS, g.va(HANDLER));
        finish(tier);
        assertFrame(2, g.va(CODE) + 2, 1L << 32 | KERNEL_CS, 0, g.va(STACK_TOP), USER_SS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "native", "lockstep"})
    void a_system_call_of_a_program_enters_the_kernel_on_its_stack(String tier) {
        assertEquals(0, g.mmuext(15, g.mfn(g.top()), 0));
        start(TO_USER);
        g.v.pv().registers().callbacks().set(Callback.SYSCALL, 0, g.va(HANDLER), false);
        // mov ebx, 7; syscall
        code(USER_CODE, "bb070000000f05");
        finish(tier);
        assertEquals(7, g.v.cpu().reg(CpuState.RBX));
        assertEquals(g.va(USER_CODE) + 7, dumped(0));
        // the frame's RFLAGS allowed events
        assertFrame(2, g.va(USER_CODE) + 7, USER_CS, 0x200, 0xffff_8800_0001_d000L, USER_SS);
        assertEquals(CpuState.GUEST_KERNEL, g.v.cpu().field32(CpuState.GUEST));
    }

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "native", "lockstep"})
    void iret_to_a_program_without_page_tables_crashes(String tier) {
        run(tier, TO_USER);
        assertEquals(ShutdownReason.CRASH, g.d.shutdownReason());
    }

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "native", "lockstep"})
    void a_program_may_not_execute_privileged_instructions(String tier) {
        assertEquals(0, g.mmuext(15, g.mfn(g.top()), 0));
        start(TO_USER);
        // mov rax, cr0
        code(USER_CODE, "0f20c0");
        finish(tier);
        assertEquals(0, dumped(2));
        assertFrame(3, g.va(USER_CODE), USER_CS, 0x200, 0xffff_8800_0001_d000L, USER_SS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "native", "lockstep"})
    void an_event_is_delivered_once_the_mask_lets_it_and_masks_the_next(String tier) {
        assertEquals(0, g.mmuext(15, g.mfn(g.top()), 0));
        start(TO_USER);
        g.v.pv().registers().callbacks().set(Callback.EVENT, 0, g.va(HANDLER), true);
        g.v.info().setUpcallPending(true);
        g.v.upcall();
        code(USER_CODE, "ebfe");
        finish(tier);
        assertFrame(2, g.va(USER_CODE), USER_CS, 0x200, 0xffff_8800_0001_d000L, USER_SS);
        assertEquals(1, g.v.info().upcallMask());
    }

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "native", "lockstep"})
    void cpuid_behind_its_prefix_tells_of_the_hypervisor(String tier) {
        // mov eax, 40000000h; ud2; "xen"; cpuid; ud2
        run(tier, "b8000000400f0b78656e0fa20f0b");
        assertFrame(2, g.va(CODE) + 12, 1L << 32 | KERNEL_CS, 0, g.va(STACK_TOP), USER_SS);
        assertEquals(0x566e_6558L, g.v.cpu().reg(CpuState.RBX));
    }

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "native", "lockstep"})
    void cli_is_ignored_where_iopl_allows_it_and_a_fault_elsewhere(String tier) {
        start("fa0f0b");
        g.v.pv().registers().setIopl(1);
        finish(tier);
        assertFrame(2, g.va(CODE) + 1, 1L << 32 | KERNEL_CS, 0, g.va(STACK_TOP), USER_SS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "native", "lockstep"})
    void without_iopl_cli_and_ports_are_faults(String tier) {
        run(tier, "e460");
        assertEquals(0, dumped(2));
        assertFrame(3, g.va(CODE), 1L << 32 | KERNEL_CS, 0, g.va(STACK_TOP), USER_SS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "native", "lockstep"})
    void control_registers_and_segment_bases_read_as_the_guest_left_them(String tier) {
        // mov rsi, cr3; mov ecx, c0000100h; mov eax, 5000h; xor edx, edx; wrmsr; rdmsr; ud2
        run(tier, "0f20deb9000100c0b80050000031d20f300f320f0b");
        assertEquals(7, g.d.shutdownReason());
        assertEquals(0x5000, g.v.cpu().segmentBase(CpuState.FS));
        assertEquals(g.va(CODE) + 19, dumped(2));
    }

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "native", "lockstep"})
    void a_write_to_a_page_table_is_checked_and_made(String tier) {
        long before = g.peek(g.mfn(PvGuest.L1), 100);
        // mov rax, L1; xor ebx, ebx; xchg [rax+8*100], rbx; ud2
        run(tier, "48b800f007000088ffff31db488798200300000f0b");
        assertEquals(7, g.d.shutdownReason());
        assertEquals(before, g.v.cpu().reg(CpuState.RBX));
        assertEquals(0, g.peek(g.mfn(PvGuest.L1), 100));
        assertEquals(Vector.UD, g.v.cpu().faults().newestFirst().getFirst().vector());
    }

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "native", "lockstep"})
    void the_hypervisors_part_of_the_address_space_is_not_the_kernels(String tier) {
        // mov rax, [ffff820000000000h], where the vCPU's GDT is
        run(tier, "48a1000000000082ffff");
        assertEquals(7, g.d.shutdownReason());
        assertEquals(g.v.cpu().field(CpuState.GDTR_BASE), g.v.info().cr2());
        assertEquals(1, dumped(2) & 1);
    }
}

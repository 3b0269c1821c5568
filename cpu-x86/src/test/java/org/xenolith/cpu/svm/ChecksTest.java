package org.xenolith.cpu.svm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.virt.EventInfo;

/** One broken state for each check of VMRUN, beside one that passes it. */
class ChecksTest {
    /** What is wrong, in the words of the check that must find it, and a change that does not offend it. */
    private record Case(String words, Consumer<SvmMachine> broken, Consumer<SvmMachine> valid) {
        @Override
        public String toString() {
            return words;
        }
    }

    private static Consumer<SvmMachine> set(int field, long value) {
        return s -> s.v.put(field, value);
    }

    private static Consumer<SvmMachine> or(int field, long bits) {
        return s -> s.v.put(field, s.v.get(field) | bits);
    }

    private static Consumer<SvmMachine> and(int field, long bits) {
        return s -> s.v.put(field, s.v.get(field) & bits);
    }

    private static Consumer<SvmMachine> inject(int type, int vector) {
        return set(Vmcb.EVENT_INJECTION, EventInfo.VALID | (long) type << 8 | vector);
    }

    static Stream<Case> cases() {
        List<Case> t = new ArrayList<>();
        int csAttributes = Vmcb.SEGMENTS + 16 + 2;
        t.add(new Case("EFER.SVME is set", and(Vmcb.EFER, ~0x1000L), or(Vmcb.EFER, 1)));
        t.add(new Case("CR0.NW is not set without CR0.CD", or(Vmcb.CR0, 1 << 29), or(Vmcb.CR0, 3 << 29)));
        t.add(new Case("CR0 has 32 bits", or(Vmcb.CR0, 1L << 32), or(Vmcb.CR0, 8)));
        t.add(new Case("CR3 has no reserved bits", or(Vmcb.CR3, 1L << 45), or(Vmcb.CR3, 0xff8)));
        t.add(new Case("CR4 has no reserved bits", or(Vmcb.CR4, 1L << 40), or(Vmcb.CR4, 1 << 7)));
        t.add(new Case("DR6 has 32 bits", or(Vmcb.DR6, 1L << 33), or(Vmcb.DR6, 1)));
        t.add(new Case("DR7 has 32 bits", or(Vmcb.DR7, 1L << 63), or(Vmcb.DR7, 1 << 9)));
        t.add(new Case("EFER has no reserved bits", or(Vmcb.EFER, 1 << 30), or(Vmcb.EFER, 1 << 11)));
        t.add(new Case("EFER.LME with CR0.PG needs CR4.PAE", and(Vmcb.CR4, ~0x20L), or(Vmcb.CR4, 0x20)));
        t.add(new Case("EFER.LME with CR0.PG needs CR0.PE", and(Vmcb.CR0, ~1L), or(Vmcb.CR0, 1)));
        t.add(new Case("CS does not have both L and D in long mode",
                s -> s.v.putShort(csAttributes, s.v.shortAt(csAttributes) | 0x600),
                s -> s.v.putShort(csAttributes, s.v.shortAt(csAttributes) & ~0x200 | 0x400)));
        t.add(new Case("VMRUN is intercepted", s -> s.v.putInt(0x10, s.v.intAt(0x10) & ~1), s -> s.v.putInt(0x10, 3)));
        t.add(new Case("the I/O permissions map is in the physical address width", s -> {
            s.intercept(ExitCode.IOIO);
            s.v.put(Vmcb.IOPM, (1L << 40) - 0x2000);
        }, set(Vmcb.IOPM, 1L << 50)));
        t.add(new Case("the MSR permissions map is in the physical address width", s -> {
            s.intercept(ExitCode.MSR);
            s.v.put(Vmcb.MSRPM, (1L << 40) - 0x1000);
        }, set(Vmcb.MSRPM, 1L << 50)));
        t.add(new Case("the type of the injected event is not reserved", inject(1, 3), inject(0, 0x80)));
        t.add(new Case("the vector of an injected exception is one of an exception", inject(3, Vector.NMI),
                inject(3, Vector.UD)));
        t.add(new Case("the ASID is not 0", s -> s.v.putInt(Vmcb.ASID, 0), s -> s.v.putInt(Vmcb.ASID, 5)));
        t.add(new Case("the ASID is one that CPUID offers", s -> s.v.putInt(Vmcb.ASID, Svm.ASIDS),
                s -> s.v.putInt(Vmcb.ASID, Svm.ASIDS - 1)));
        t.add(new Case("TLB_CONTROL is 0, 1, 3 or 7", s -> s.v.putByte(Vmcb.TLB_CONTROL, 2),
                s -> s.v.putByte(Vmcb.TLB_CONTROL, 7)));
        t.add(new Case("nested paging needs paging in the host", ChecksTest::hostWithoutPaging, s -> {
            hostWithoutPaging(s);
            s.v.put(Vmcb.NESTED, 0);
        }));
        t.add(new Case("the nested CR3 has no reserved bits", or(Vmcb.NESTED_CR3, 1L << 41),
                or(Vmcb.NESTED_CR3, 0x18)));
        t.add(new Case("G_PAT has memory types only", set(Vmcb.PAT, 0x0206L), set(Vmcb.PAT, 0x0104_0506_0701L)));
        return t.stream();
    }

    private static void hostWithoutPaging(SvmMachine s) {
        s.m.protected32(0);
        s.c.setField(CpuState.EFER, 0x1000);
        s.c.updateMode();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void broken_state_fails_with_the_check_that_names_it_and_a_valid_one_passes(Case k) {
        try (SvmMachine s = new SvmMachine()) {
            k.broken.accept(s);
            s.vmrun();
            assertNotNull(s.svm.failure(), "the entry did not fail");
            assertEquals(k.words, s.svm.failure().replaceAll(" \\(APM vol. 2, .*", ""));
            assertEquals(-1L, s.v.get(Vmcb.EXIT_CODE));
            assertNull(s.c.guestMode());
            assertFalse(s.svm.gif());
            assertEquals(SvmMachine.HOST + 3, s.c.rip());
        }
        try (SvmMachine s = new SvmMachine()) {
            k.valid.accept(s);
            s.vmrun();
            assertNull(s.svm.failure());
        }
    }

    @Test
    void every_check_has_a_case() {
        Set<String> words = new HashSet<>();
        cases().forEach(k -> words.add(k.words));
        for (Checks.Check k : Checks.ALL) {
            assertFalse(words.add(k.words()), () -> "no case for: " + k.words());
        }
    }
}

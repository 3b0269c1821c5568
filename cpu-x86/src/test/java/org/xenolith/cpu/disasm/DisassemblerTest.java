package org.xenolith.cpu.disasm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xenolith.cpu.decode.Decoder;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.insn.InstructionSet;

/** Text of instructions; {@code DecoderCheckTest} compares far more of them with objdump. */
class DisassemblerTest {
    private final Decoder decoder = new Decoder(InstructionSet.create(), null);

    private String text(int codeBits, String hex, long address) {
        byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
        Insn i = decoder.decode(Arrays.copyOf(code, code.length + 15), 0, code.length + 15, codeBits, null);
        if (!decoder.isUndefined(i)) {
            assertEquals(code.length, i.length(), hex);
        }
        return Disassembler.format(i, code, 0, address);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "8b 44 88 f0           | mov    eax,DWORD PTR [rax+rcx*4-0x10]",
        "64 48 8b 04 25 28 00 00 00 | mov    rax,QWORD PTR fs:0x28",
        "48 8d 05 f9 ff ff ff  | lea    rax,[rip+0xfffffffffffffff9]        # 0x1000",
        "8d 74 26 00           | lea    esi,[rsi+riz*1+0x0]",
        "67 8d 34 25 11 22 33 84 | lea    esi,[eiz*1+0x84332211]",
        "48 b8 11 22 33 44 aa bb cc dd | movabs rax,0xddccbbaa44332211",
        "a1 11 22 33 44 55 66 77 88 | movabs eax,ds:0x8877665544332211",
        "48 98                 | cdqe",
        "48 99                 | cqo",
        "83 c0 80              | add    eax,0xffffff80",
        "6a 80                 | push   0xffffffffffffff80",
        "e8 fb ff ff ff        | call   0x1000",
        "66 e9 11 22 33 00     | data16 jmp 0x333217",
        "e3 80                 | jrcxz  0xf82",
        "f3 48 ab              | rep stos QWORD PTR es:[rdi],rax",
        "f3 a6                 | repz cmps BYTE PTR ds:[rsi],BYTE PTR es:[rdi]",
        "f0 48 0f b1 0a        | lock cmpxchg QWORD PTR [rdx],rcx",
        "48 cf                 | iretq",
        "66 90                 | xchg   ax,ax",
        "f3 0f 1e fa           | endbr64",
        "3e ff e0              | notrack jmp rax",
        "40 88 f0              | mov    al,sil",
        "88 f0                 | mov    al,dh",
        "0f c2 c1 02           | cmpleps xmm0,xmm1",
        "66 0f 3a 44 c1 11     | pclmulhqhqdq xmm0,xmm1",
        "c5 fd 6f 44 24 20     | vmovdqa ymm0,YMMWORD PTR [rsp+0x20]",
        "c4 e2 75 90 04 10     | vpgatherdd ymm0,DWORD PTR [rax+ymm2*1],ymm1",
        "d8 c1                 | fadd   st,st(1)",
        "0f 20 d8              | mov    rax,cr3",
        "0f 0b                 | ud2",
        "06                    | (bad)"})
    void code_of_64_bits_is_spelled_as_objdump_does(String hex, String expected) {
        assertEquals(expected, text(64, hex, 0x1000));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "16 | 8b 42 f0          | mov    ax,WORD PTR [bp+si-0x10]",
        "16 | 66 ea 11 22 33 44 55 66 | jmp    0x6655:0x44332211",
        "16 | 67 66 8b 04 24    | mov    eax,DWORD PTR [esp]",
        "16 | 0f 01 16 00 10    | lgdtw  ds:0x1000",
        "16 | eb 80             | jmp    0xf082",
        "32 | 2e 8b 1d 00 10 00 00 | mov    ebx,DWORD PTR cs:0x1000",
        "32 | 66 9c             | pushfw",
        "32 | d7                | xlat   BYTE PTR ds:[ebx]",
        "32 | ff 6d 00          | jmp    FWORD PTR [ebp+0x0]"})
    void code_of_16_and_32_bits_is_spelled_as_objdump_does(int codeBits, String hex, String expected) {
        assertEquals(expected, text(codeBits, hex, codeBits == 16 ? 0xf100 : 0x1000));
    }

    @Test
    void without_the_bytes_prefixes_without_effect_are_not_shown() {
        byte[] code = HexFormat.of().parseHex("2ef001080000000000000000000000000000");
        Insn i = decoder.decode(code, 0, code.length, 64, null);
        assertEquals("cs lock add DWORD PTR [rax],ecx", Disassembler.format(i, code, 0, 0));
        assertEquals("lock add DWORD PTR [rax],ecx", Disassembler.format(i, 0));
    }

    @Test
    void every_random_instruction_has_a_text() {
        byte[] code = new byte[1 << 16];
        new java.util.Random(1).nextBytes(code);
        for (int at = 0; at + 15 < code.length; at++) {
            for (int codeBits : new int[]{16, 32, 64}) {
                Insn i = decoder.decode(code, at, code.length, codeBits, null);
                assertTrue(!Disassembler.format(i, code, at, at).isEmpty());
                assertTrue(!Disassembler.format(i, at).isEmpty());
            }
        }
    }
}

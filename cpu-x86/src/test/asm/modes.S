# A boot sector's way through the modes: real -> protected 32 -> virtual-8086 -> long -> ring 3 -> SYSCALL -> exceptions.
# Each stage leaves a quadword in the log at 0x6000. Built with
#   as --64 modes.S -o modes.o && ld -m elf_x86_64 -Ttext 0x7c00 --oformat binary -e 0 modes.o -o modes.bin
# and kept as hex in src/test/resources/org/xenolith/cpu/modes.hex.
        .set    LOG, 0x6000
        .set    PML4, 0x10000
        .set    TSS, 0x5000
        .set    IDT32, 0x4000
        .set    IDT64, 0x3000

        .code16
        cli
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    $0x7c00, %sp
        # slot 0: a software interrupt through the vector table
        movw    $real_handler, 0x21 * 4
        movw    %ax, 0x21 * 4 + 2
        int     $0x21
        # slot 1: 32-bit operands and addresses in real mode
        movl    $0x12345678, %eax
        movl    $LOG, %ebx
        movl    %eax, 8(%ebx)
        lgdt    gdt_pointer
        movl    %cr0, %eax
        orl     $1, %eax
        movl    %eax, %cr0
        ljmp    $0x18, $protected
real_handler:
        movw    $0x2121, LOG
        iret

        .code32
protected:
        movw    $0x10, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    $0x7c00, %esp
        # a task-state segment with a ring 0 stack and an IDT with a breakpoint gate, a #GP gate and a 32-bit system call
        movl    $0x70000, TSS + 4
        movl    $0x10, TSS + 8
        movw    $0x68, TSS + 102
        movw    $0x48, %ax
        ltr     %ax
        movl    $0x00180000, %eax
        movw    $bp32, %ax
        movl    %eax, IDT32 + 8 * 3
        movl    $0x0000ee00, IDT32 + 8 * 3 + 4
        movw    $gp32, %ax
        movl    %eax, IDT32 + 8 * 13
        movl    $0x00008e00, IDT32 + 8 * 13 + 4
        lidt    idt32_pointer
        # slot 2: INT3 at ring 0
        movl    $0, LOG + 16
        int3
        # virtual-8086 mode: slots 3 and 4
        pushl   $0
        pushl   $0
        pushl   $0
        pushl   $0
        pushl   $0x1000
        pushl   $0x2000
        pushl   $0x20002
        pushl   $0
        pushl   $v86
        iretl
        .code16
v86:
        movw    $0x8686, %ax
        movw    %ax, LOG + 24
        # IOPL is 0: CLI is #GP(0), the monitor ends the virtual-8086 part
        cli
        .code32
bp32:
        incl    LOG + 16
        iretl
gp32:
        # slot 4: error code, VM of the image; slot 5: EIP
        movw    $0x10, %ax
        movw    %ax, %ds
        movl    (%esp), %eax
        movl    %eax, LOG + 32
        movl    12(%esp), %eax
        shrl    $17, %eax
        andl    $1, %eax
        movl    %eax, LOG + 36
        movl    4(%esp), %eax
        movl    %eax, LOG + 40
        # long mode: two 2 MiB pages for everybody
        movl    $PML4 + 0x1007, PML4
        movl    $PML4 + 0x2007, PML4 + 0x1000
        movl    $0x87, PML4 + 0x2000
        movl    $0x200087, PML4 + 0x2008
        movl    %cr4, %eax
        orl     $0x20, %eax
        movl    %eax, %cr4
        movl    $PML4, %eax
        movl    %eax, %cr3
        movl    $0xc0000080, %ecx
        rdmsr
        orl     $0x101, %eax
        wrmsr
        movl    %cr0, %eax
        orl     $0x80000000, %eax
        movl    %eax, %cr0
        ljmp    $0x08, $long

        .code64
long:
        movw    $0x10, %ax
        movw    %ax, %ss
        movq    $0x7c00, %rsp
        # slot 6: 64-bit registers
        movabsq $0x1122334455667788, %rax
        movq    %rax, LOG + 48
        # gates for #DE, #UD, #PF (on interrupt stack 1) and INT 80h for ring 3
        lea     handlers(%rip), %rsi
        xorl    %ecx, %ecx
1:      movzbl  vectors(%rcx), %ebx
        shll    $4, %ebx
        movw    handlers(, %rcx, 2), %ax
        movw    %ax, IDT64(%rbx)
        movw    $8, IDT64 + 2(%rbx)
        movw    access(, %rcx, 2), %ax
        movw    %ax, IDT64 + 4(%rbx)
        incl    %ecx
        cmpl    $4, %ecx
        jne     1b
        lidt    idt64_pointer
        movq    $0x70000, TSS + 4
        movq    $0x68000, TSS + 36
        # the same descriptor as a 64-bit TSS
        movw    $0x48, %ax
        andb    $0xfd, gdt + 0x48 + 5
        ltr     %ax
        # SYSCALL: kernel 08, user base 2b (data 33, code 3b)
        movl    $0xc0000081, %ecx
        movl    $0x002b0008, %edx
        xorl    %eax, %eax
        wrmsr
        incl    %ecx
        xorl    %edx, %edx
        movl    $entry, %eax
        wrmsr
        movl    $0xc0000084, %ecx
        movl    $0x200, %eax
        wrmsr
        # to ring 3
        pushq   $0x33
        pushq   $0x60000
        pushq   $0x202
        pushq   $0x3b
        pushq   $user
        iretq

user:
        # slot 7: CS in ring 3
        movw    %cs, %ax
        movzwl  %ax, %eax
        movq    %rax, LOG + 56
        # slot 8: what the system call returns
        movl    $41, %edi
        syscall
        movq    %rax, LOG + 64
        # slots 9 to 14: each fault logs its vector's count, error code and CR2; the handlers skip the instruction
        ud2
        xorl    %edx, %edx
        xorl    %ecx, %ecx
        movl    $1, %eax
        divl    %ecx
        movabsq $0x40000000, %rbx
        movb    %al, (%rbx)
        # slot 15: leave for ring 0 for good
        int     $0x80

entry:
        leaq    1(%rdi), %rax
        sysretq

de64:   incq    LOG + 72
        addq    $2, (%rsp)
        iretq
ud64:   incq    LOG + 80
        addq    $2, (%rsp)
        iretq
pf64:   incq    LOG + 88
        popq    LOG + 96
        movq    %cr2, %rax
        movq    %rax, LOG + 104
        movq    %rsp, LOG + 112
        addq    $2, (%rsp)
        iretq
end64:  popq    %rax
        popq    %rax
        movq    %rax, LOG + 120
        hlt

        .balign 8
vectors: .byte  0, 6, 14, 0x80
        .balign 2
handlers: .word de64, ud64, pf64, end64
access: .word   0x8e00, 0x8e00, 0x8e01, 0xee00
        .balign 8
gdt:    .quad   0
        .quad   0x00af9b000000ffff      # 08 code 64
        .quad   0x00cf93000000ffff      # 10 data
        .quad   0x00cf9b000000ffff      # 18 code 32
        .quad   0x00009b000000ffff      # 20 code 16
        .quad   0                       # 28
        .quad   0x00cff3000000ffff      # 30 user data
        .quad   0x00affb000000ffff      # 38 user code 64
        .quad   0
        .quad   0x0000890050000067      # 48 TSS, base 0x5000
        .quad   0
gdt_pointer: .word gdt_pointer - gdt - 1
        .long   gdt
idt32_pointer: .word 0x7ff
        .long   IDT32
idt64_pointer: .word 0xfff
        .quad   IDT64

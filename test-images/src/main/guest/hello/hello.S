# A guest of one page of code: a PVH domain that looks at Xen, uses a timer and event channels, and says so on its console.
#
# What it does last is chosen by the first word of its command line:
#   (none)   powers off                            SCHEDOP_shutdown, SHUTDOWN_poweroff
#   reboot   asks for a reboot                     SHUTDOWN_reboot
#   crash    crashes                               SHUTDOWN_crash
#   fault    makes a triple fault                  an exception with no IDT
#   spin     computes for ever
#   idle     wakes up every second, for ever
#   wait     sleeps with nothing that would wake it but the console
#   flood    prints lines for ever
#   echo     prints what it reads on its console, powers off at a 'q'
#
# Numbers and layouts are those of Xen's public headers (xen/include/public: xen.h, sched.h, vcpu.h, event_channel.h,
# memory.h, hvm/params.h, io/console.h, arch-x86/hvm/start_info.h). Built by test-images/build-guests.sh.
        .intel_syntax noprefix

        .set    HYPERCALL_memory_op, 12
        .set    HYPERCALL_xen_version, 17
        .set    HYPERCALL_vcpu_op, 24
        .set    HYPERCALL_sched_op, 29
        .set    HYPERCALL_event_channel_op, 32
        .set    HYPERCALL_hvm_op, 34
        .set    XENMEM_add_to_physmap, 7
        .set    XENMAPSPACE_shared_info, 0
        .set    XENVER_version, 0
        .set    VCPUOP_set_singleshot_timer, 8
        .set    SCHEDOP_yield, 0
        .set    SCHEDOP_block, 1
        .set    SCHEDOP_shutdown, 2
        .set    SHUTDOWN_poweroff, 0
        .set    SHUTDOWN_reboot, 1
        .set    SHUTDOWN_crash, 3
        .set    EVTCHNOP_bind_interdomain, 0
        .set    EVTCHNOP_bind_virq, 1
        .set    EVTCHNOP_send, 4
        .set    EVTCHNOP_alloc_unbound, 6
        .set    VIRQ_TIMER, 0
        .set    HVMOP_set_param, 0
        .set    HVMOP_get_param, 1
        .set    HVM_PARAM_CALLBACK_IRQ, 0
        .set    HVM_PARAM_CONSOLE_PFN, 17
        .set    HVM_PARAM_CONSOLE_EVTCHN, 18
        .set    CALLBACK_VIA_VECTOR, 2
        .set    DOMID_SELF, 0x7ff0
        .set    START_INFO_MAGIC, 0x336ec578

        .set    SHARED_UPCALL_PENDING, 0        # of vcpu_info[0]
        .set    SHARED_PENDING_SEL, 8
        .set    SHARED_TIME, 32
        .set    SHARED_PENDING, 2048
        .set    SHARED_MASK, 2560
        .set    SHARED_WC_SEC, 3076
        .set    CONSOLE_OUT, 1024               # of struct xencons_interface: in[1024], out[2048], indices
        .set    CONSOLE_IN_CONS, 3072
        .set    CONSOLE_IN_PROD, 3076
        .set    CONSOLE_OUT_CONS, 3080
        .set    CONSOLE_OUT_PROD, 3084

        .set    UPCALL_VECTOR, 0xf3
        .set    TICKS, 5
        .set    TICK_NS, 10000000
        .set    SENDS, 3

        .macro  hypercall number
        call    hypercall_page + \number * 32
        .endm
        .macro  say text
        .section .rodata.text, "aMS", @progbits, 1
9001:   .asciz  "\text"
        .text
        lea     rsi, [rip + 9001b]
        call    print
        .endm

# --- ELF note: where Xen enters a PVH guest, in 32-bit mode ------------------------------------------------------------
        .section .note.Xen, "a", @note
        .balign 4
        .long   4, 4, 18                        # XEN_ELFNOTE_PHYS32_ENTRY
        .asciz  "Xen"
        .long   start

# --- 32-bit: page tables for the first 4 GiB, then long mode -----------------------------------------------------------
        .text
        .code32
        .global start
start:  cld
        mov     esp, offset stack_top
        mov     start_info, ebx
        mov     edi, offset pd                  # 2048 entries of 2 MiB
        mov     eax, 0x83                       # present, writable, large
        xor     ecx, ecx
1:      mov     [edi + ecx * 8], eax
        add     eax, 0x200000
        inc     ecx
        cmp     ecx, 2048
        jne     1b
        mov     eax, offset pd + 3
        mov     edi, offset pdpt
        mov     ecx, 4
2:      mov     [edi], eax
        add     eax, 4096
        add     edi, 8
        dec     ecx
        jnz     2b
        mov     dword ptr pml4, offset pdpt + 3
        mov     eax, cr4
        or      eax, 0x20                       # CR4.PAE
        mov     cr4, eax
        mov     eax, offset pml4
        mov     cr3, eax
        mov     ecx, 0xc0000080                 # EFER
        rdmsr
        or      eax, 0x100                      # LME
        wrmsr
        mov     eax, cr0
        or      eax, 0x80000000                 # CR0.PG
        mov     cr0, eax
        lgdt    gdt_pointer
        .byte   0xea                            # jmp 8:long_mode
        .long   long_mode
        .word   8

# --- 64-bit ------------------------------------------------------------------------------------------------------------
        .code64
long_mode:
        mov     eax, 16
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        mov     esp, offset stack_top
        call    set_up_idt
        call    find_xen
        call    set_up_console
        say     "Hello from a PVH guest on Xen "
        call    say_version
        call    set_up_shared_info
        call    say_memory
        call    say_command_line
        call    use_timer
        call    use_event_channels
        jmp     last_words

# The only gate that is used; an exception finds no gate and ends in a triple fault, which the machine reports.
set_up_idt:
        mov     eax, offset upcall
        mov     edi, offset idt + UPCALL_VECTOR * 16
        mov     [rdi], ax
        mov     word ptr [rdi + 2], 8
        mov     word ptr [rdi + 4], 0x8e00      # present, interrupt gate
        shr     eax, 16
        mov     [rdi + 6], ax
        lidt    idt_pointer
        ret

# CPUID leaves from 0x40000000 on, in steps of 0x100, may be Xen's; the third of them names the MSR of the hypercall page.
find_xen:
        mov     r12d, 0x40000000
1:      mov     eax, r12d
        cpuid
        cmp     ebx, 0x566e6558                 # "XenV" "MMXe" "nVMM"
        jne     2f
        cmp     ecx, 0x65584d4d
        jne     2f
        cmp     edx, 0x4d4d566e
        je      3f
2:      add     r12d, 0x100
        cmp     r12d, 0x40010000
        jne     1b
        ud2                                     # not on Xen: nobody to talk to
3:      lea     eax, [r12 + 1]
        cpuid
        mov     cpuid_version, eax
        lea     eax, [r12 + 2]
        xor     ecx, ecx
        cpuid
        mov     ecx, ebx
        mov     eax, offset hypercall_page
        xor     edx, edx
        wrmsr
        ret

set_up_console:
        mov     edi, HVM_PARAM_CONSOLE_PFN
        call    get_param
        shl     rax, 12
        mov     console, rax
        mov     edi, HVM_PARAM_CONSOLE_EVTCHN
        call    get_param
        mov     console_port, eax
        ret

# edi: index; the value in rax
get_param:
        mov     word ptr hvm_param, DOMID_SELF
        mov     hvm_param + 4, edi
        mov     edi, HVMOP_get_param
        mov     esi, offset hvm_param
        hypercall HYPERCALL_hvm_op
        test    rax, rax
        jnz     failed
        mov     rax, hvm_param + 8
        ret

say_version:
        movzx   eax, word ptr cpuid_version + 2
        call    print_decimal
        say     "."
        movzx   eax, word ptr cpuid_version
        call    print_decimal
        mov     edi, XENVER_version
        xor     esi, esi
        hypercall HYPERCALL_xen_version
        cmp     eax, cpuid_version
        jne     1f
        say     ": CPUID and hypercall agree\n"
        ret
1:      say     ": CPUID and hypercall differ\n"
        ret

set_up_shared_info:
        mov     word ptr add_to_physmap, DOMID_SELF
        mov     dword ptr add_to_physmap + 4, XENMAPSPACE_shared_info
        mov     qword ptr add_to_physmap + 8, 0
        mov     eax, offset shared_info
        shr     eax, 12
        mov     add_to_physmap + 16, rax
        mov     edi, XENMEM_add_to_physmap
        mov     esi, offset add_to_physmap
        hypercall HYPERCALL_memory_op
        test    rax, rax
        jnz     failed
        mov     word ptr hvm_param, DOMID_SELF
        mov     dword ptr hvm_param + 4, HVM_PARAM_CALLBACK_IRQ
        mov     rax, CALLBACK_VIA_VECTOR << 56 | UPCALL_VECTOR
        mov     hvm_param + 8, rax
        mov     edi, HVMOP_set_param
        mov     esi, offset hvm_param
        hypercall HYPERCALL_hvm_op
        test    rax, rax
        jnz     failed
        sti
        ret

# struct hvm_start_info: magic, version, flags, nr_modules, modlist 64, cmdline 64, rsdp 64, memmap 64, entries
say_memory:
        mov     ebx, start_info
        cmp     dword ptr [rbx], START_INFO_MAGIC
        jne     failed
        cmp     dword ptr [rbx + 4], 1          # the memory map came with version 1
        jb      failed
        mov     ecx, [rbx + 48]
        mov     rdx, [rbx + 40]
        xor     eax, eax
1:      test    ecx, ecx
        jz      3f
        cmp     dword ptr [rdx + 16], 1         # RAM
        jne     2f
        add     rax, [rdx + 8]
2:      add     rdx, 24
        dec     ecx
        jmp     1b
3:      add     rax, 0xfffff                    # a hole below 1 MiB and Xen's own pages are not RAM
        shr     rax, 20
        push    rax
        say     "memory: "
        pop     rax
        call    print_decimal
        say     " MiB, date: "
        mov     eax, shared_info + SHARED_WC_SEC
        call    print_decimal
        say     " s after 1970\n"
        ret

say_command_line:
        say     "command line: '"
        mov     ebx, start_info
        mov     rsi, [rbx + 24]
        test    rsi, rsi
        jz      1f
        call    print
1:      say     "'\n"
        ret

# TICKS one-shot timers, each set from where the one before was due.
use_timer:
        mov     dword ptr bind_virq, VIRQ_TIMER
        mov     dword ptr bind_virq + 4, 0
        mov     edi, EVTCHNOP_bind_virq
        mov     esi, offset bind_virq
        hypercall HYPERCALL_event_channel_op
        test    rax, rax
        jnz     failed
        mov     eax, bind_virq + 8
        mov     timer_port, eax
        call    system_time
        mov     r14, rax                        # the start
        mov     r15, rax                        # due
        xor     r13d, r13d
1:      add     r15, TICK_NS
        mov     rdi, r15
        call    set_timer
        inc     r13d
        mov     ebx, timer_port
        call    wait_for_events
        cmp     r13d, TICKS
        jne     1b
        call    system_time
        sub     rax, r14
        xor     edx, edx
        mov     ecx, 1000000
        div     rcx
        push    rax
        say     "timer: "
        mov     eax, r13d
        call    print_decimal
        say     " ticks in "
        pop     rax
        call    print_decimal
        say     " ms\n"
        ret

# rdi: system time in ns
set_timer:
        mov     singleshot, rdi
        mov     dword ptr singleshot + 8, 0
        mov     edi, VCPUOP_set_singleshot_timer
        xor     esi, esi
        mov     edx, offset singleshot
        hypercall HYPERCALL_vcpu_op
        test    rax, rax
        jnz     failed
        ret

# A channel from this domain to itself: what is sent at one end arrives at the other.
use_event_channels:
        mov     dword ptr alloc_unbound, DOMID_SELF << 16 | DOMID_SELF
        mov     edi, EVTCHNOP_alloc_unbound
        mov     esi, offset alloc_unbound
        hypercall HYPERCALL_event_channel_op
        test    rax, rax
        jnz     failed
        mov     ebx, alloc_unbound + 4
        mov     dword ptr bind_interdomain, DOMID_SELF
        mov     bind_interdomain + 4, ebx
        mov     edi, EVTCHNOP_bind_interdomain
        mov     esi, offset bind_interdomain
        hypercall HYPERCALL_event_channel_op
        test    rax, rax
        jnz     failed
        xor     r13d, r13d
1:      mov     eax, bind_interdomain + 8
        call    send
        inc     r13d
        call    wait_for_events
        cmp     r13d, SENDS
        jne     1b
        say     "event channels: "
        mov     eax, [rbx * 4 + seen]
        call    print_decimal
        say     " of "
        mov     eax, SENDS
        call    print_decimal
        say     " events arrived\n"
        ret

# eax: port
send:   mov     send_port, eax
        mov     edi, EVTCHNOP_send
        mov     esi, offset send_port
        hypercall HYPERCALL_event_channel_op
        test    rax, rax
        jnz     failed
        ret

# Sleeps until port ebx has seen r13d events. STI takes effect after HLT: no event is missed between test and sleep.
wait_for_events:
        cli
        cmp     [rbx * 4 + seen], r13d
        jae     1f
        sti
        hlt
        jmp     wait_for_events
1:      sti
        ret

# struct vcpu_time_info: version, -, tsc_timestamp 64, system_time 64, tsc_to_system_mul, tsc_shift 8
system_time:
        mov     esi, offset shared_info + SHARED_TIME
1:      mov     r8d, [rsi]
        test    r8b, 1
        jnz     1b
        rdtsc
        shl     rdx, 32
        or      rax, rdx
        sub     rax, [rsi + 8]
        mov     cl, [rsi + 28]
        test    cl, cl
        js      2f
        shl     rax, cl
        jmp     3f
2:      neg     cl
        shr     rax, cl
3:      mov     edx, [rsi + 24]
        mul     rdx
        shrd    rax, rdx, 32
        add     rax, [rsi + 16]
        cmp     r8d, [rsi]
        jne     1b
        ret

# Counts what is pending among ports 0 to 63.
upcall: push    rax
        push    rcx
        mov     byte ptr shared_info + SHARED_UPCALL_PENDING, 0
        xor     eax, eax
        xchg    rax, shared_info + SHARED_PENDING_SEL
1:      mov     rax, shared_info + SHARED_MASK
        not     rax
        and     rax, shared_info + SHARED_PENDING
        jz      2f
        bsf     rcx, rax
        lock btr qword ptr shared_info + SHARED_PENDING, rcx
        inc     dword ptr [rcx * 4 + seen]
        jmp     1b
2:      pop     rcx
        pop     rax
        iretq

# --- the console -------------------------------------------------------------------------------------------------------
        .include "console.inc"

# --- the end -----------------------------------------------------------------------------------------------------------
        .macro  on word, target
        .section .rodata.text, "aMS", @progbits, 1
9002:   .asciz  "\word"
        .text
        lea     rsi, [rip + 9002b]
        call    first_word_is
        je      \target
        .endm

last_words:
        on      "reboot", reboot
        on      "crash", crash
        on      "fault", fault
        on      "spin", spin
        on      "idle", idle
        on      "wait", wait
        on      "flood", flood
        on      "echo", echo
power_off:
        say     "Good bye\n"
        mov     ebx, SHUTDOWN_poweroff
        jmp     shut_down
reboot: say     "Again\n"
        mov     ebx, SHUTDOWN_reboot
        jmp     shut_down
failed: say     "A hypercall failed\n"
crash:  say     "Oh no\n"
        mov     ebx, SHUTDOWN_crash
shut_down:
        mov     sched_shutdown, ebx
        mov     edi, SCHEDOP_shutdown
        mov     esi, offset sched_shutdown
        hypercall HYPERCALL_sched_op
1:      hlt
        jmp     1b

fault:  cli
        lidt    no_idt
        ud2

spin:   inc     rax
        jmp     spin

idle:   call    system_time
        lea     rdi, [rax + 1000000000]
        call    set_timer
        mov     edi, SCHEDOP_block
        xor     esi, esi
        hypercall HYPERCALL_sched_op
        jmp     idle

wait:   mov     edi, SCHEDOP_block
        xor     esi, esi
        hypercall HYPERCALL_sched_op
        jmp     wait

flood:  say     "The quick brown fox jumps over the lazy dog\n"
        jmp     flood

echo:   mov     rdx, console
        cli
        mov     ecx, [rdx + CONSOLE_IN_CONS]
        cmp     ecx, [rdx + CONSOLE_IN_PROD]
        jne     1f
        sti
        hlt
        jmp     echo
1:      sti
        mov     esi, ecx
        and     esi, 1023
        mov     al, [rdx + rsi]
        inc     ecx
        mov     [rdx + CONSOLE_IN_CONS], ecx
        cmp     al, 'q'
        je      power_off
        mov     echoed, al
        mov     esi, offset echoed
        call    print
        jmp     echo

# rsi: a word; the zero flag says whether the command line begins with it
first_word_is:
        mov     ebx, start_info
        mov     rdi, [rbx + 24]
        test    rdi, rdi
        jz      3f
1:      mov     al, [rsi]
        mov     dl, [rdi]
        test    al, al
        jz      2f
        cmp     al, dl
        jne     4f
        inc     rsi
        inc     rdi
        jmp     1b
2:      test    dl, dl
        jz      4f
        cmp     dl, ' '
4:      ret
3:      inc     edi                             # clears the zero flag
        ret

# --- data --------------------------------------------------------------------------------------------------------------
        .section .rodata
        .balign 8
gdt:    .quad   0
        .quad   0x00209a0000000000              # 64-bit code
        .quad   0x0000920000000000              # data
gdt_pointer:
        .word   23
        .long   gdt
        .balign 8
idt_pointer:
        .word   256 * 16 - 1
        .quad   idt
no_idt: .word   0
        .quad   0

        .bss
        .balign 4096
hypercall_page: .skip 4096
shared_info:    .skip 4096
pml4:           .skip 4096
pdpt:           .skip 4096
pd:             .skip 4 * 4096
idt:            .skip 4096
                .skip 4096
stack_top:
start_info:     .skip 8
console:        .skip 8
console_port:   .skip 8
timer_port:     .skip 8
cpuid_version:  .skip 8
hvm_param:      .skip 16
add_to_physmap: .skip 24
bind_virq:      .skip 16
singleshot:     .skip 16
alloc_unbound:  .skip 8
bind_interdomain: .skip 16
send_port:      .skip 8
sched_shutdown: .skip 8
seen:           .skip 64 * 4
digits:         .skip 24
digits_end:     .skip 8
echoed:         .skip 8

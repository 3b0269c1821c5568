# A 64-bit PV guest that tries to get at memory that is not its own: it maps page tables writable, nests tables, pins
# frames that are not its own, forges grants, smuggles descriptors. Each attempt must end in the error that Xen gives.
# It says which attempt was allowed, or PASS.
#
# Numbers and layouts are those of Xen's public headers (xen/include/public: xen.h, memory.h, grant_table.h, sched.h,
# event_channel.h, io/console.h). Built by test-images/build-guests.sh.
        .intel_syntax noprefix

        .set    VIRT_BASE, 0xffffffff80000000
        .set    M2P, 0xffff800000000000
        .set    HYPERCALL_set_trap_table, 0
        .set    HYPERCALL_mmu_update, 1
        .set    HYPERCALL_set_gdt, 2
        .set    HYPERCALL_update_descriptor, 10
        .set    HYPERCALL_memory_op, 12
        .set    HYPERCALL_update_va_mapping, 14
        .set    HYPERCALL_grant_table_op, 20
        .set    HYPERCALL_iret, 23
        .set    HYPERCALL_mmuext_op, 26
        .set    HYPERCALL_sched_op, 29
        .set    HYPERCALL_event_channel_op, 32
        .set    XENMEM_decrease_reservation, 1
        .set    XENMEM_machphys_mfn_list, 5
        .set    XENMEM_exchange, 11
        .set    MMUEXT_PIN_L1_TABLE, 0
        .set    MMUEXT_PIN_L2_TABLE, 1
        .set    MMUEXT_PIN_L4_TABLE, 3
        .set    MMUEXT_UNPIN_TABLE, 4
        .set    MMUEXT_NEW_BASEPTR, 5
        .set    MMUEXT_NEW_USER_BASEPTR, 15
        .set    MMUEXT_CLEAR_PAGE, 16
        .set    MMUEXT_COPY_PAGE, 17
        .set    MMUEXT_MARK_SUPER, 19
        .set    UVMF_INVLPG_ALL, 6
        .set    SCHEDOP_yield, 0
        .set    SCHEDOP_shutdown, 2
        .set    EVTCHNOP_send, 4
        .set    DOMID_SELF, 0x7ff0
        .set    DOMID_IO, 0x7ff1
        .set    FLAT_KERNEL_CS, 0xe033

        .set    INFO_CONSOLE_MFN, 72            # of struct start_info
        .set    INFO_CONSOLE_PORT, 80
        .set    INFO_PT_BASE, 88
        .set    INFO_MFN_LIST, 104
        .set    CONSOLE_OUT, 1024               # of struct xencons_interface
        .set    CONSOLE_OUT_CONS, 3080
        .set    CONSOLE_OUT_PROD, 3084

        .set    EPERM, -1
        .set    ESRCH, -3
        .set    EBUSY, -16
        .set    EINVAL, -22
        .set    EOPNOTSUPP, -95
        .set    RO, 0x21                        # page-table entry bits: present, accessed
        .set    RW, 0x63                        # and writable, dirty
        .set    TABLE, 0x67                     # and user

        .macro  hypercall number
        call    hypercall_page + \number * 32
        .endm
        .macro  string text
        .section .rodata.text, "aMS", @progbits, 1
9001:   .asciz  "\text"
        .text
        lea     rsi, [rip + 9001b]
        .endm
        .macro  say text
        string  "\text"
        call    print
        .endm
        # the result of the attempt before is in rax
        .macro  expect result, text
        string  "\text"
        mov     rdx, \result
        call    judge
        .endm
        # the entry that maps a frame (in rax) with some bits, in rsi
        .macro  entry bits
        shl     rax, 12
        or      rax, \bits
        mov     rsi, rax
        .endm
        .macro  mfn_of_page page
        mov     rax, offset \page
        call    mfn_of
        .endm
        .macro  remap page, from, bits
        mfn_of_page \from
        entry   \bits
        mov     rdi, offset \page
        call    update_va
        .endm
        .macro  mmuext command
        mov     edi, \command
        call    mmuext_op
        .endm

        .macro  note type, size
        .section .note.Xen, "a", @note
        .balign 4
        .long   4, \size, \type
        .asciz  "Xen"
        .endm
        note    1, 8                            # XEN_ELFNOTE_ENTRY
        .quad   start
        note    2, 8                            # XEN_ELFNOTE_HYPERCALL_PAGE
        .quad   hypercall_page
        note    3, 8                            # XEN_ELFNOTE_VIRT_BASE
        .quad   VIRT_BASE
        note    4, 8                            # XEN_ELFNOTE_PADDR_OFFSET
        .quad   0
        note    5, 8                            # XEN_ELFNOTE_XEN_VERSION
        .asciz  "xen-3.0"
        note    6, 7                            # XEN_ELFNOTE_GUEST_OS
        .asciz  "attack"
        .balign 4
        note    8, 8                            # XEN_ELFNOTE_LOADER
        .asciz  "generic"

        .text
        .code64
        .balign 4096
hypercall_page:
        .skip   4096

# rsi: struct start_info
        .global start
start:  cld
        mov     rsp, offset stack_top
        mov     rax, [rsi + INFO_PT_BASE]
        mov     pt_base, rax
        mov     rax, [rsi + INFO_MFN_LIST]
        mov     mfn_list, rax
        mov     eax, [rsi + INFO_CONSOLE_PORT]
        mov     console_port, eax
        mov     rax, [rsi + INFO_CONSOLE_MFN]
        call    va_of
        mov     console, rax
        mov     rdi, offset traps
        hypercall HYPERCALL_set_trap_table
        test    rax, rax
        jnz     broken
        mov     rax, pt_base
        call    mfn_of
        mov     l4, rax
        mov     rdi, offset page_a
        call    l1_entry
        mov     entry_a, rax
        mov     entry_a_va, rbx
        shr     rax, 12
        mov     l1, rax
        mov     dword ptr list, 1               # one extent
        mov     qword ptr list + 8, offset extent
        mov     edi, XENMEM_machphys_mfn_list
        mov     rsi, offset list
        hypercall HYPERCALL_memory_op
        test    rax, rax
        jnz     broken
        mov     rax, extent
        mov     xen, rax                        # a frame of the hypervisor
        say     "A PV guest attacks\n"

# --- mappings of tables ------------------------------------------------------------------------------------------------
        mov     rax, l4
        entry   RW
        mov     rdi, offset page_a
        call    update_va
        expect  EBUSY, "level 4 table mapped writable"
        mov     rax, l1
        entry   RW
        mov     rdi, offset page_a
        call    update_va
        expect  EBUSY, "level 1 table mapped writable"
        mov     rax, l1
        entry   RW
        mov     rdi, entry_a
        call    mmu_update
        expect  EBUSY, "level 1 table mapped writable by mmu_update"
        mov     rax, l4
        entry   RO
        mov     rdi, offset page_a
        call    update_va
        expect  0, "(it may be mapped read-only)"
        mov     qword ptr resume, offset 1f
        mov     rdi, offset page_a
        mov     qword ptr [rdi], 0              # faults
        jmp     2f
1:      mov     rax, -1
        jmp     3f
2:      xor     eax, eax
3:      expect  -1, "store to a level 4 table"
        remap   page_a, page_a, RW
        expect  0, "(the page is back)"

# --- stores to level 1 tables, which the hypervisor makes for the guest --------------------------------------------------
        mov     rax, l4
        entry   RW
        mov     qword ptr resume, offset 1f
        mov     rdi, entry_a_va
        mov     [rdi], rsi                      # faults
        jmp     2f
1:      mov     rax, -1
        jmp     3f
2:      xor     eax, eax
3:      expect  -1, "store of a writable mapping of a level 4 table"
        mov     qword ptr resume, offset 1f
        mov     rdi, entry_a_va
        mov     rax, [rdi]
        mov     qword ptr [rdi], 0
        mov     [rdi], rax
        xor     eax, eax
        jmp     2f
1:      mov     rax, -1
2:      expect  0, "(a store of a good entry is made)"

# --- pins ----------------------------------------------------------------------------------------------------------------
        mfn_of_page page_a
        mmuext  MMUEXT_PIN_L1_TABLE
        expect  EINVAL, "pin of a page that is mapped writable"
        mov     rax, xen
        mmuext  MMUEXT_PIN_L1_TABLE
        expect  EINVAL, "pin of a frame of the hypervisor"
        mov     eax, 0x7fffffff
        mmuext  MMUEXT_PIN_L4_TABLE
        expect  EINVAL, "pin of a frame that does not exist"
        mov     rax, l1
        mmuext  MMUEXT_PIN_L2_TABLE
        expect  EINVAL, "pin of a level 1 table as level 2"
        mov     rax, l4
        mmuext  MMUEXT_PIN_L4_TABLE
        expect  EINVAL, "second pin of the level 4 table"
        mov     rax, l1
        mmuext  MMUEXT_UNPIN_TABLE
        expect  EINVAL, "unpin of a table that is not pinned"

# --- tables of the guest's own making: page_b is read-only from here on --------------------------------------------------
        mfn_of_page page_b
        entry   RW
        mov     page_b, rsi                     # a level 1 table that maps itself writable
        remap   page_b, page_b, RO
        expect  0, "(a page may be made read-only)"
        mfn_of_page page_b
        mmuext  MMUEXT_PIN_L1_TABLE
        expect  EBUSY, "level 1 table that maps itself writable"
        mfn_of_page page_b
        mmuext  MMUEXT_PIN_L2_TABLE
        expect  EINVAL, "level 2 table that is its own level 1 table"
        remap   page_b, page_b, RW
        mfn_of_page page_c
        entry   TABLE
        mov     page_b, rsi                     # a level 2 table with an ordinary page as level 1 table
        remap   page_b, page_b, RO
        mfn_of_page page_b
        mmuext  MMUEXT_PIN_L2_TABLE
        expect  EINVAL, "ordinary page as level 1 table"
        remap   page_b, page_b, RW
        mov     eax, 0
        entry   TABLE | 0x80
        mov     page_b, rsi                     # a level 2 table with a large page
        remap   page_b, page_b, RO
        mfn_of_page page_b
        mmuext  MMUEXT_PIN_L2_TABLE
        expect  EINVAL, "large page"
        remap   page_b, page_b, RW
        mov     rax, xen
        entry   RO
        mov     page_b, rsi
        remap   page_b, page_b, RO
        mfn_of_page page_b
        mmuext  MMUEXT_PIN_L1_TABLE
        expect  EBUSY, "level 1 table that maps a frame of the hypervisor"
        remap   page_b, page_b, RW
        mov     qword ptr page_b, 0
        remap   page_b, page_b, RO
        mfn_of_page page_b
        mmuext  MMUEXT_PIN_L1_TABLE
        expect  0, "(an empty table may be pinned)"
        remap   page_b, page_b, RW
        expect  EBUSY, "write rights to a pinned table"
        mfn_of_page page_b
        mmuext  MMUEXT_CLEAR_PAGE
        expect  EINVAL, "clear_page of a page table"
        mov     rax, l4
        mov     qword ptr argument, rax
        mfn_of_page page_b
        mmuext  MMUEXT_COPY_PAGE
        expect  EINVAL, "copy_page to a page table"
        mfn_of_page page_b
        mmuext  MMUEXT_UNPIN_TABLE
        expect  0, "(and unpinned)"
        remap   page_b, page_b, RW
        expect  0, "(and be an ordinary page again)"

# --- the hypervisor's slots, base pointers, others' frames ---------------------------------------------------------------
        mov     rdi, l4
        shl     rdi, 12
        add     rdi, 256 * 8
        xor     esi, esi
        call    mmu_update
        expect  EINVAL, "entry in the hypervisor's slots"
        mov     rdi, l4
        shl     rdi, 12
        mov     rax, l4
        entry   TABLE
        call    mmu_update
        expect  EINVAL, "level 4 table that names itself, writable"
        mfn_of_page page_a
        mmuext  MMUEXT_NEW_BASEPTR
        expect  EINVAL, "ordinary page as base pointer"
        mfn_of_page page_a
        mmuext  MMUEXT_NEW_USER_BASEPTR
        expect  EINVAL, "ordinary page as user base pointer"
        mfn_of_page page_a
        mmuext  MMUEXT_MARK_SUPER
        expect  EOPNOTSUPP, "superpage"
        mov     rax, xen
        entry   RW
        mov     rdi, offset page_a
        call    update_va
        expect  EBUSY, "frame of the hypervisor mapped writable"
        mov     rax, xen
        entry   RO
        mov     rdi, offset page_a
        call    update_va
        expect  EBUSY, "frame of the hypervisor mapped read-only"
        mov     eax, 0xfee00
        shl     eax, 8                          # far beyond any machine memory
        entry   RW
        mov     rdi, offset page_a
        call    update_va
        expect  EPERM, "frame that is no RAM"
        mov     rdi, xen
        shl     rdi, 12
        xor     esi, esi
        call    mmu_update
        expect  EINVAL, "write to a frame of the hypervisor"
        mov     rdi, entry_a
        xor     esi, esi
        mov     r10d, 0
        call    mmu_update_for
        expect  EPERM, "mapping of the control domain's frames"
        mov     rdi, entry_a
        mfn_of_page page_a
        entry   RO
        mov     r10d, DOMID_IO
        call    mmu_update_for
        expect  EBUSY, "RAM as a device"
        mov     rdi, xen
        shl     rdi, 12
        or      rdi, 1
        xor     esi, esi
        call    mmu_update
        expect  EINVAL, "machine-to-physical entry of another's frame"
        mov     qword ptr resume, offset 1f
        mov     rdi, M2P
        mov     qword ptr [rdi], 0              # faults
        xor     eax, eax
        jmp     2f
1:      mov     rax, -1
2:      expect  -1, "store to the machine-to-physical table"

# --- results of hypercalls into page tables ------------------------------------------------------------------------------
        mov     rdi, pt_base
        mov     rbx, [rdi]
        xor     edi, edi
        xor     esi, esi
        mov     rdx, pt_base                    # the number done goes there
        mov     r10d, DOMID_SELF
        hypercall HYPERCALL_mmuext_op
        mov     rdi, pt_base
        mov     rax, [rdi]
        sub     rax, rbx
        expect  0, "result of a hypercall in the level 4 table"

# --- reservation ---------------------------------------------------------------------------------------------------------
        mov     rax, l1
        mov     extent, rax
        mov     edi, XENMEM_exchange
        mov     rsi, offset exchange
        hypercall HYPERCALL_memory_op
        expect  EINVAL, "exchange of a page table"
        mov     rax, xen
        mov     extent, rax
        mov     edi, XENMEM_exchange
        mov     rsi, offset exchange
        hypercall HYPERCALL_memory_op
        expect  EINVAL, "exchange of a frame of the hypervisor"
        mov     edi, XENMEM_decrease_reservation
        mov     rsi, offset exchange
        hypercall HYPERCALL_memory_op
        expect  0, "decrease_reservation by a frame of the hypervisor"

# --- grants --------------------------------------------------------------------------------------------------------------
        mov     qword ptr map, offset page_a
        mov     dword ptr map + 8, 2            # GNTMAP_host_map
        mov     dword ptr map + 12, 100
        mov     word ptr map + 16, 0x7eef
        call    map_grant
        expect  -2, "grant of a domain that does not exist"
        mov     word ptr map + 16, DOMID_SELF
        call    map_grant
        expect  -2, "grant of nobody"
        mov     word ptr map + 16, 0
        call    map_grant
        test    rax, rax
        js      1f
        xor     eax, eax
        jmp     2f
1:      mov     rax, -1
2:      expect  -1, "grant that the control domain did not give"
        mov     dword ptr map + 8, 0
        call    map_grant
        expect  -3, "grant that is mapped nowhere"
        mov     edi, 1                          # GNTTABOP_unmap_grant_ref
        mov     rsi, offset unmap
        mov     edx, 1
        hypercall HYPERCALL_grant_table_op
        movsx   rax, word ptr unmap + 20
        expect  -4, "handle of no mapping"

# --- descriptors ---------------------------------------------------------------------------------------------------------
        mov     rdi, l1
        shl     rdi, 12
        mov     rsi, 0x00cffb000000ffff
        hypercall HYPERCALL_update_descriptor
        expect  EINVAL, "descriptor in a page table"
        mfn_of_page page_b
        shl     rax, 12
        mov     rdi, rax
        mov     rsi, 0x0000890000000067
        hypercall HYPERCALL_update_descriptor
        expect  EINVAL, "descriptor of a task state segment"
        mov     rax, l1
        call    set_gdt
        expect  EINVAL, "page table as GDT"
        mfn_of_page page_b
        call    set_gdt
        expect  EINVAL, "GDT that is mapped writable"
        mov     rax, 0x0000890000000067
        mov     page_b, rax
        remap   page_b, page_b, RO
        mfn_of_page page_b
        call    set_gdt
        expect  EINVAL, "GDT with a task state segment"

# --- the end -------------------------------------------------------------------------------------------------------------
        cmp     dword ptr allowed, 0
        jne     1f
        say     "PASS: "
        mov     eax, refused
        call    print_decimal
        say     " attempts ended as they should\n"
        jmp     2f
1:      say     "FAIL\n"
2:      say     "Good bye\n"
        xor     ebx, ebx
        jmp     shut_down
broken: say     "A hypercall failed\n"
        mov     ebx, 3
shut_down:
        mov     argument, ebx
        mov     edi, SCHEDOP_shutdown
        mov     rsi, offset argument
        hypercall HYPERCALL_sched_op
        ud2

# rax: result, rdx: what it should be, rsi: what was tried
judge:  inc     dword ptr refused
        cmp     rax, rdx
        je      1f
        inc     dword ptr allowed
        push    rax
        push    rsi
        say     "ALLOWED: "
        pop     rsi
        call    print
        say     ", result "
        pop     rax
        test    rax, rax
        jns     2f
        neg     rax
        push    rax
        say     "-"
        pop     rax
2:      call    print_decimal
        say     "\n"
1:      ret

# rax: address in the kernel's mapping; rax: its mfn
mfn_of: mov     rcx, VIRT_BASE
        sub     rax, rcx
        shr     rax, 12
        mov     rcx, mfn_list
        mov     rax, [rcx + rax * 8]
        ret

# rax: mfn; rax: its address in the kernel's mapping
va_of:  mov     rcx, M2P
        mov     rax, [rcx + rax * 8]
        shl     rax, 12
        mov     rcx, VIRT_BASE
        add     rax, rcx
        ret

# rdi: address; rax: machine address of its level 1 entry, rbx: that entry's address
l1_entry:
        mov     rbx, pt_base
        mov     r8d, 39
1:      mov     ecx, r8d
        mov     rax, rdi
        shr     rax, cl
        and     eax, 511
        lea     rbx, [rbx + rax * 8]
        cmp     r8d, 12
        je      2f
        mov     rax, [rbx]
        mov     rcx, 0x000ffffffffff000
        and     rax, rcx
        shr     rax, 12
        call    va_of
        mov     rbx, rax
        sub     r8d, 9
        jmp     1b
2:      mov     rax, rbx
        call    mfn_of
        shl     rax, 12
        mov     rcx, rbx
        and     ecx, 4095
        or      rax, rcx
        ret

# rdi: address, rsi: entry
update_va:
        mov     edx, UVMF_INVLPG_ALL
        hypercall HYPERCALL_update_va_mapping
        ret

# rdi: machine address of an entry (and command), rsi: entry
mmu_update:
        mov     r10d, DOMID_SELF
# r10d: whose frames
mmu_update_for:
        mov     request, rdi
        mov     request + 8, rsi
        mov     rdi, offset request
        mov     esi, 1
        xor     edx, edx
        hypercall HYPERCALL_mmu_update
        ret

# edi: command, rax: mfn, argument: the source of a copy
mmuext_op:
        mov     request, edi
        mov     request + 8, rax
        mov     rax, argument
        mov     request + 16, rax
        mov     rdi, offset request
        mov     esi, 1
        xor     edx, edx
        mov     r10d, DOMID_SELF
        hypercall HYPERCALL_mmuext_op
        ret

# rax: mfn
set_gdt:
        mov     extent, rax
        mov     rdi, offset extent
        mov     esi, 8
        hypercall HYPERCALL_set_gdt
        ret

# map: the request; rax: its status
map_grant:
        mov     edi, 0                          # GNTTABOP_map_grant_ref
        mov     rsi, offset map
        mov     edx, 1
        hypercall HYPERCALL_grant_table_op
        movsx   rax, word ptr map + 18
        ret

# The frame: rcx, r11, error code, rip, cs, rflags, rsp, ss. Goes on at resume, once.
page_fault:
        pop     rcx
        pop     r11
        add     rsp, 8
        mov     rcx, resume
        test    rcx, rcx
        jz      broken
        mov     [rsp], rcx
        mov     qword ptr resume, 0
        push    0
        jmp     hypercall_page + HYPERCALL_iret * 32

# eax: port
send:   mov     request, eax
        mov     edi, EVTCHNOP_send
        mov     rsi, offset request
        hypercall HYPERCALL_event_channel_op
        ret

        .include "console.inc"

        .section .rodata
        .balign 8
traps:  .byte   14, 0                           # struct trap_info: vector, flags, cs, address
        .word   FLAT_KERNEL_CS
        .long   0
        .quad   page_fault
        .quad   0, 0
exchange:                                       # struct xen_memory_exchange, whose first part is a reservation
        .quad   extent, 1
        .long   0, 0
        .quad   DOMID_SELF
        .quad   extent, 1
        .long   0, 0
        .quad   DOMID_SELF
        .quad   0

        .bss
        .balign 4096
page_a:         .skip 4096
page_b:         .skip 4096
page_c:         .skip 4096
                .skip 4096
stack_top:
pt_base:        .skip 8
mfn_list:       .skip 8
console:        .skip 8
console_port:   .skip 8
l4:             .skip 8
l1:             .skip 8
xen:            .skip 8
entry_a:        .skip 8
entry_a_va:     .skip 8
resume:         .skip 8
argument:       .skip 8
request:        .skip 24
list:           .skip 24
extent:         .skip 8
refused:        .skip 8
allowed:        .skip 8
map:            .skip 32
unmap:          .skip 24
digits:         .skip 24
digits_end:     .skip 8

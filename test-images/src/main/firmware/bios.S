# A BIOS for a PC with a 440FX, an IDE disk, a VGA, a serial port and a keyboard: as much as it takes to load a boot sector from the first disk and
# serve it. It shows in the last 64 KiB below 1 MiB and below 4 GiB. Interrupt services are those of the IBM PC/AT technical reference, of the Enhanced
# Disk Drive specification 1.1 (extensions 41h, 42h, 43h, 48h) and, for the memory map, of ACPI 6.4, 15.1.
        .intel_syntax noprefix
        .code16

# The registers of the caller, from BP, in a service.
        R_ES = 0
        R_DS = 2
        R_DI = 4
        R_SI = 8
        R_BX = 20
        R_DX = 24
        R_CX = 28
        R_AX = 32
        R_FLAGS = 40

# The BIOS data area, segment 40h.
        BDA_EQUIPMENT = 0x10
        BDA_MEMORY = 0x13
        BDA_SHIFT = 0x17
        BDA_KEYS_HEAD = 0x1a
        BDA_KEYS_TAIL = 0x1c
        BDA_KEYS = 0x1e
        BDA_KEYS_END = 0x3e
        BDA_MODE = 0x49
        BDA_COLUMNS = 0x4a
        BDA_CURSOR = 0x50
        BDA_CRTC = 0x63
        BDA_TICKS = 0x6c
        BDA_DISKS = 0x75
        BDA_KEYS_START = 0x80
        BDA_KEYS_STOP = 0x82
        BDA_ROWS = 0x84
        BDA_SECTORS = 0xa0              # of the first disk, 28 bits; ours

        CF = 1
        ZF = 0x40
        COM1 = 0x3f8
        IDE = 0x1f0
        COLUMNS = 80
        ROWS = 25
        HEADS = 255
        SECTORS = 63

        .text
        .globl start
start:  cli
        cld
        xor     ax, ax
        mov     ss, ax
        mov     sp, 0x7000
        mov     ds, ax
        mov     es, ax
        in      al, 0x92
        or      al, 2
        and     al, 0xfe
        out     0x92, al

# Vectors: all lead to IRET, those of the PICs to an end of interrupt; then the services.
        xor     di, di
        mov     cx, 256
1:      mov     ax, offset nothing
        stosw
        mov     ax, 0xf000
        stosw
        loop    1b
        mov     di, 8 * 4
        mov     cx, 8
2:      mov     ax, offset irq_master
        stosw
        add     di, 2
        loop    2b
        mov     di, 0x70 * 4
        mov     cx, 8
3:      mov     ax, offset irq_slave
        stosw
        add     di, 2
        loop    3b
        mov     si, offset vectors
4:      mov     bx, cs:[si]
        cmp     bx, 0xffff
        je      5f
        mov     ax, cs:[si + 2]
        mov     [bx], ax
        add     si, 4
        jmp     4b

5:      mov     ax, 0x40
        mov     ds, ax
        mov     es, ax
        xor     di, di
        xor     ax, ax
        mov     cx, 128
        rep stosw
        mov     word ptr [0], COM1
        mov     word ptr [BDA_EQUIPMENT], 0x0226
        mov     word ptr [BDA_MEMORY], 639
        mov     word ptr [0x0e], 0x9fc0
        mov     ax, BDA_KEYS
        mov     [BDA_KEYS_HEAD], ax
        mov     [BDA_KEYS_TAIL], ax
        mov     [BDA_KEYS_START], ax
        mov     word ptr [BDA_KEYS_STOP], BDA_KEYS_END
        mov     word ptr [BDA_CRTC], 0x3d4

# 8259: 08h and 70h; timer, keyboard and cascade are open.
        mov     al, 0x11
        out     0x20, al
        out     0xa0, al
        mov     al, 8
        out     0x21, al
        mov     al, 0x70
        out     0xa1, al
        mov     al, 4
        out     0x21, al
        mov     al, 2
        out     0xa1, al
        mov     al, 1
        out     0x21, al
        out     0xa1, al
        mov     al, 0xf8
        out     0x21, al
        mov     al, 0xff
        out     0xa1, al
# 8254: 18.2 Hz.
        mov     al, 0x34
        out     0x43, al
        xor     al, al
        out     0x40, al
        out     0x40, al
# Local APIC: the 8259's interrupts come by LINT0, NMI by LINT1. It takes a segment of 4 GiB to get there.
        lgdt    cs:gdt_pointer
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        mov     bx, 8
        mov     fs, bx
        and     al, 0xfe
        mov     cr0, eax
        mov     ebx, 0xfee00000
        mov     dword ptr fs:[ebx + 0xf0], 0x1ff
        mov     dword ptr fs:[ebx + 0x350], 0x700
        mov     dword ptr fs:[ebx + 0x360], 0x400
        xor     ax, ax
        mov     fs, ax
# PCI device 1 function 1: both IDE channels decode their ports.
        mov     dx, 0xcf8
        mov     eax, 0x80000904
        out     dx, eax
        mov     dx, 0xcfc
        mov     ax, 5
        out     dx, ax
        mov     dx, 0xcf8
        mov     eax, 0x80000940
        out     dx, eax
        mov     dx, 0xcfc
        mov     eax, 0x80008000
        out     dx, eax
# 8042: interrupts of the keyboard, translated codes.
        mov     al, 0x60
        out     0x64, al
        mov     al, 0x45
        out     0x60, al
# 16550: 115200 8N1, FIFOs.
        mov     dx, COM1 + 3
        mov     al, 0x83
        out     dx, al
        mov     dx, COM1
        mov     al, 1
        out     dx, al
        inc     dx
        xor     al, al
        out     dx, al
        mov     dx, COM1 + 3
        mov     al, 3
        out     dx, al
        dec     dx
        mov     al, 7
        out     dx, al
        mov     dx, COM1 + 4
        mov     al, 3
        out     dx, al

        call    mode3
        sti
        mov     si, offset hello
        call    say
        int     0x19

boot:   sti
        call    identify
        mov     si, offset no_disk
        jc      stop
        mov     si, offset booting
        call    say
        xor     ax, ax
        mov     es, ax
        mov     ds, ax
        mov     bx, 0x7c00
        mov     ax, 0x0201
        mov     cx, 1
        mov     dx, 0x0080
        int     0x13
        mov     si, offset unreadable
        jc      stop
        cmp     word ptr [0x7dfe], 0xaa55
        mov     si, offset no_boot
        jne     stop
        mov     dx, 0x0080
        ljmp    0, 0x7c00
stop:   call    say
1:      hlt
        jmp     1b

# cs:si: text, to screen and serial port
say:    mov     al, cs:[si]
        inc     si
        test    al, al
        jz      1f
        call    serial
        mov     ah, 0x0e
        int     0x10
        jmp     say
1:      ret

serial: push    dx
        mov     ah, al
        mov     dx, COM1 + 5
1:      in      al, dx
        test    al, 0x20
        jz      1b
        mov     dx, COM1
        mov     al, ah
        out     dx, al
        pop     dx
        ret

# ---- interrupts of the hardware ----

irq_slave:
        push    ax
        mov     al, 0x20
        out     0xa0, al
        out     0x20, al
        pop     ax
        iret
irq_master:
        push    ax
        mov     al, 0x20
        out     0x20, al
        pop     ax
        iret

timer:  push    ds
        push    ax
        mov     ax, 0x40
        mov     ds, ax
        inc     dword ptr [BDA_TICKS]
        cmp     dword ptr [BDA_TICKS], 0x1800b0
        jb      1f
        mov     dword ptr [BDA_TICKS], 0
        mov     byte ptr [BDA_TICKS + 4], 1
1:      int     0x1c
        mov     al, 0x20
        out     0x20, al
        pop     ax
        pop     ds
        iret

# Scan codes of set 1 into the ring of keys.
keyboard:
        pusha
        push    ds
        mov     ax, 0x40
        mov     ds, ax
        in      al, 0x60
        mov     ah, al
        and     al, 0x7f
        mov     bl, 3                   # left and right shift
        cmp     al, 0x2a
        je      shift
        cmp     al, 0x36
        je      shift
        mov     bl, 4
        cmp     al, 0x1d
        je      shift
        mov     bl, 8
        cmp     al, 0x38
        je      shift
        test    ah, 0x80
        jnz     2f
        mov     bx, offset plain
        test    byte ptr [BDA_SHIFT], 3
        jz      1f
        mov     bx, offset shifted
1:      xor     dx, dx
        cmp     al, plain_end - plain
        jae     3f
        movzx   si, al
        mov     dl, cs:[bx + si]
        test    byte ptr [BDA_SHIFT], 4
        jz      3f
        and     dl, 0x1f
3:      mov     dh, al
        mov     bx, [BDA_KEYS_TAIL]
        mov     si, bx
        add     si, 2
        cmp     si, [BDA_KEYS_STOP]
        jb      4f
        mov     si, [BDA_KEYS_START]
4:      cmp     si, [BDA_KEYS_HEAD]
        je      2f
        mov     [bx], dx
        mov     [BDA_KEYS_TAIL], si
2:      mov     al, 0x20
        out     0x20, al
        pop     ds
        popa
        iret
shift:  test    ah, 0x80
        jnz     1f
        or      [BDA_SHIFT], bl
        jmp     2b
1:      not     bl
        and     [BDA_SHIFT], bl
        jmp     2b

# ---- services ----

# Saves the caller's registers, with DS = 40h and BP at them; the service ends by success or failure.
.macro enter
        pushad
        push    ds
        push    es
        mov     bp, sp
        mov     bx, 0x40
        mov     ds, bx
        cld
.endm

failure:
        or      word ptr [bp + R_FLAGS], CF
        jmp     leave
success:
        and     word ptr [bp + R_FLAGS], ~CF
leave:  pop     es
        pop     ds
        popad
nothing:
        iret

int11:  push    ds
        push    0x40
        pop     ds
        mov     ax, [BDA_EQUIPMENT]
        pop     ds
        iret

int12:  push    ds
        push    0x40
        pop     ds
        mov     ax, [BDA_MEMORY]
        pop     ds
        iret

int1a:  enter
        test    ah, ah
        jnz     failure
        mov     ax, [BDA_TICKS]
        mov     [bp + R_DX], ax
        mov     ax, [BDA_TICKS + 2]
        mov     [bp + R_CX], ax
        mov     al, [BDA_TICKS + 4]
        mov     [bp + R_AX], al
        mov     byte ptr [BDA_TICKS + 4], 0
        jmp     success

# ---- keys ----

int16:  sti
        enter
        and     ah, 0xef
        cmp     ah, 1
        ja      2f
        mov     dl, ah
1:      mov     bx, [BDA_KEYS_HEAD]
        cmp     bx, [BDA_KEYS_TAIL]
        jne     3f
        test    dl, dl
        jnz     4f
        hlt
        jmp     1b
4:      or      word ptr [bp + R_FLAGS], ZF
        jmp     leave
3:      mov     ax, [bx]
        mov     [bp + R_AX], ax
        and     word ptr [bp + R_FLAGS], ~ZF
        test    dl, dl
        jnz     leave
        add     bx, 2
        cmp     bx, [BDA_KEYS_STOP]
        jb      5f
        mov     bx, [BDA_KEYS_START]
5:      mov     [BDA_KEYS_HEAD], bx
        jmp     leave
2:      cmp     ah, 2
        jne     leave
        mov     al, [BDA_SHIFT]
        mov     [bp + R_AX], al
        jmp     leave

# ---- system ----

int15:  enter
        cmp     ax, 0xe820
        je      e820
        cmp     ax, 0xe801
        je      e801
        cmp     ah, 0x88
        je      extended
        cmp     ax, 0x2401
        je      1f
        mov     byte ptr [bp + R_AX + 1], 0x86
        jmp     failure
1:      in      al, 0x92
        or      al, 2
        out     0x92, al
        mov     byte ptr [bp + R_AX + 1], 0
        jmp     success

# al: register of the CMOS; ax: it and the one behind it
cmos16: mov     ah, al
        inc     ah
        out     0x70, al
        in      al, 0x71
        xchg    al, ah
        out     0x70, al
        in      al, 0x71
        xchg    al, ah
        ret

extended:
        mov     al, 0x30
        call    cmos16
        mov     [bp + R_AX], ax
        jmp     success

e801:   mov     al, 0x34
        call    cmos16
        mov     cx, ax
        mov     al, 0x30
        call    cmos16
        cmp     ax, 0x3c00
        jb      1f
        mov     ax, 0x3c00
1:      mov     [bp + R_AX], ax
        mov     [bp + R_CX], ax
        mov     [bp + R_BX], cx
        mov     [bp + R_DX], cx
        jmp     success

# Entries by number in BX: 0 up to the EBDA, 1 the EBDA, 2 the BIOS, 3 RAM from 1 MiB, 4 RAM from 4 GiB.
e820:   cmp     dword ptr [bp + R_DX], 0x534d4150
        jne     failure
        cmp     dword ptr [bp + R_CX], 20
        jb      failure
        mov     es, [bp + R_ES]
        mov     di, [bp + R_DI]
        mov     si, [bp + R_BX]
        xor     ecx, ecx                # high word of the length
        mov     ebx, 2
        cmp     si, 3
        ja      1f
        je      2f
        imul    si, si, 12
        mov     eax, cs:[si + low_ranges]
        stosd
        xor     eax, eax
        stosd
        mov     eax, cs:[si + low_ranges + 4]
        mov     ebx, cs:[si + low_ranges + 8]
        jmp     3f
2:      mov     eax, 0x100000
        stosd
        xor     eax, eax
        stosd
        mov     al, 0x34
        call    cmos16
        movzx   eax, ax
        shl     eax, 16
        add     eax, 15 << 20
        cmp     eax, 15 << 20
        jne     4f
        mov     al, 0x30                # less than 16 MiB
        call    cmos16
        movzx   eax, ax
        shl     eax, 10
4:      mov     ebx, 1
        jmp     3f
1:      xor     eax, eax
        stosd
        inc     eax
        stosd
        mov     al, 0x5d
        out     0x70, al
        in      al, 0x71
        movzx   ecx, al
        mov     al, 0x5b
        call    cmos16
        movzx   eax, ax
        shl     eax, 16
        mov     ebx, 1
3:      stosd
        mov     eax, ecx
        stosd
        mov     eax, ebx
        stosd
        mov     dword ptr [bp + R_CX], 20
        mov     dword ptr [bp + R_AX], 0x534d4150
        mov     ax, [bp + R_BX]
        inc     ax
        cmp     ax, 4
        jb      5f
        ja      6f
        push    ax
        mov     al, 0x5b
        call    cmos16
        mov     dx, ax
        mov     al, 0x5d
        out     0x70, al
        in      al, 0x71
        or      dl, al
        test    dx, dx
        pop     ax
        jnz     5f
6:      xor     ax, ax
5:      movzx   eax, ax
        mov     [bp + R_BX], eax
        jmp     success

# ---- disks ----

# Finds the first disk and its size; CF for none.
identify:
        push    0x40
        pop     ds
        mov     byte ptr [BDA_DISKS], 0
        mov     dx, IDE + 6
        mov     al, 0xa0
        out     dx, al
        inc     dx
        in      al, dx
        test    al, al
        jz      9f
        cmp     al, 0xff
        je      9f
        mov     al, 0xec
        out     dx, al
        call    ready
        jc      9f
        mov     dx, IDE
        mov     cx, 60
1:      in      ax, dx
        loop    1b
        in      ax, dx
        mov     [BDA_SECTORS], ax
        in      ax, dx
        mov     [BDA_SECTORS + 2], ax
        mov     cx, 256 - 62
2:      in      ax, dx
        loop    2b
        mov     byte ptr [BDA_DISKS], 1
        clc
        ret
9:      stc
        ret

# Waits for data or the end of a command; CF for an error.
ready:  push    dx
        push    ax
        mov     dx, IDE + 7
1:      in      al, dx
        test    al, 0x80
        jnz     1b
        test    al, 0x21
        pop     ax
        pop     dx
        jz      2f
        stc
        ret
2:      clc
        ret

# eax: first sector; cx: how many; es:di: memory; bl: command, 20h or 30h. CF for an error.
transfer:
        jcxz    8f
1:      push    eax
        call    ready
        mov     dx, IDE + 2
        mov     al, 1
        out     dx, al
        pop     eax
        push    eax
        inc     dx
        out     dx, al
        inc     dx
        shr     eax, 8
        out     dx, al
        inc     dx
        shr     eax, 8
        out     dx, al
        inc     dx
        mov     al, ah
        and     al, 0x0f
        or      al, 0xe0
        out     dx, al
        inc     dx
        mov     al, bl
        out     dx, al
        call    ready
        pop     eax
        jc      9f
        push    cx
        mov     cx, 256
        mov     dx, IDE
        cmp     bl, 0x30
        je      3f
        rep insw
        jmp     4f
3:      push    ds
        push    es
        pop     ds
        mov     si, di
        rep outsw
        mov     di, si
        pop     ds
4:      pop     cx
        call    ready
        jc      9f
        # memory may go on in the next 64 KiB
        cmp     di, 0xfe00
        jb      5f
        sub     di, 0x8000
        mov     dx, es
        add     dx, 0x800
        mov     es, dx
5:      inc     eax
        loop    1b
8:      clc
9:      ret

int13:  sti
        enter
        cmp     dl, 0x80
        jne     bad
        cmp     byte ptr [BDA_DISKS], 0
        je      bad
        cmp     ah, 0x02
        je      chs
        cmp     ah, 0x03
        je      chs
        cmp     ah, 0x08
        je      geometry
        cmp     ah, 0x15
        je      kind
        cmp     ah, 0x41
        je      extensions
        cmp     ah, 0x42
        je      packet
        cmp     ah, 0x43
        je      packet
        cmp     ah, 0x48
        je      parameters
        cmp     ah, 0x04                # verify, and above it what there is nothing to do for
        je      done
        cmp     ah, 0x0d
        je      done
        test    ah, ah
        jz      done
bad:    mov     byte ptr [bp + R_AX + 1], 1
        jmp     failure
done:   mov     byte ptr [bp + R_AX + 1], 0
        jmp     success

chs:    mov     bl, 0x20
        cmp     ah, 2
        je      1f
        mov     bl, 0x30
1:      movzx   eax, ch
        mov     dl, cl
        and     edx, 0xc0
        shl     dx, 2
        or      ax, dx                  # cylinder
        imul    eax, eax, HEADS
        movzx   edx, byte ptr [bp + R_DX + 1]
        add     eax, edx
        imul    eax, eax, SECTORS
        movzx   edx, cl
        and     dl, 0x3f
        jz      bad
        add     eax, edx
        dec     eax
        movzx   cx, byte ptr [bp + R_AX]
        mov     es, [bp + R_ES]
        mov     di, [bp + R_BX]
move:   mov     edx, eax
        movzx   esi, cx
        add     edx, esi
        jc      bad
        cmp     edx, [BDA_SECTORS]
        ja      4f
        call    transfer
        jnc     done
        mov     byte ptr [bp + R_AX], 0
        mov     byte ptr [bp + R_AX + 1], 0x20
        jmp     failure
4:      mov     byte ptr [bp + R_AX + 1], 4
        jmp     failure

# The packet at the caller's DS:SI: bytes, 0, sectors (16 bits), offset, segment, first sector (64 bits).
packet: mov     bl, 0x20
        cmp     ah, 0x42
        je      1f
        mov     bl, 0x30
1:      mov     si, [bp + R_SI]
        mov     fs, [bp + R_DS]
        cmp     dword ptr fs:[si + 12], 0
        jne     bad
        mov     eax, fs:[si + 8]
        mov     cx, fs:[si + 2]
        mov     di, fs:[si + 4]
        mov     es, fs:[si + 6]
        jmp     move

extensions:
        cmp     word ptr [bp + R_BX], 0x55aa
        jne     bad
        mov     word ptr [bp + R_BX], 0xaa55
        mov     byte ptr [bp + R_AX + 1], 0x01
        mov     word ptr [bp + R_CX], 1
        jmp     success

parameters:
        mov     di, [bp + R_SI]
        mov     es, [bp + R_DS]
        cmp     word ptr es:[di], 26
        jb      bad
        mov     ax, 26
        stosw
        xor     ax, ax
        stosw
        call    cylinders
        stosd
        mov     eax, HEADS
        stosd
        mov     eax, SECTORS
        stosd
        mov     eax, [BDA_SECTORS]
        stosd
        xor     eax, eax
        stosd
        mov     ax, 512
        stosw
        jmp     done

# eax: cylinders of the first disk
cylinders:
        mov     eax, [BDA_SECTORS]
        xor     edx, edx
        mov     ecx, HEADS * SECTORS
        div     ecx
        test    eax, eax
        jnz     1f
        inc     eax
1:      ret

geometry:
        call    cylinders
        cmp     eax, 1024
        jbe     1f
        mov     eax, 1024
1:      dec     ax
        mov     ch, al
        mov     cl, ah
        shl     cl, 6
        or      cl, SECTORS
        mov     [bp + R_CX], cx
        mov     word ptr [bp + R_DX], (HEADS - 1) << 8 | 1
        mov     word ptr [bp + R_BX], 0
        jmp     done

kind:   mov     byte ptr [bp + R_AX + 1], 3
        mov     ax, [BDA_SECTORS]
        mov     [bp + R_DX], ax
        mov     ax, [BDA_SECTORS + 2]
        mov     [bp + R_CX], ax
        jmp     success

# ---- screen ----

int10:  enter
        mov     bx, [bp + R_BX]
        cmp     ah, 0x0e
        je      teletype
        cmp     ah, 0x02
        je      2f
        cmp     ah, 0x03
        je      3f
        cmp     ah, 0x0f
        je      4f
        cmp     ah, 0x06
        je      6f
        test    ah, ah
        jnz     leave
        call    mode3
        jmp     leave
2:      mov     [BDA_CURSOR], dx
        call    cursor
        jmp     leave
3:      mov     ax, [BDA_CURSOR]
        mov     [bp + R_DX], ax
        mov     word ptr [bp + R_CX], 0x0d0e
        jmp     leave
4:      mov     al, [BDA_MODE]
        mov     ah, COLUMNS
        mov     [bp + R_AX], ax
        mov     byte ptr [bp + R_BX + 1], 0
        jmp     leave
6:      test    al, al                  # whole screen: a line up, or clear
        jz      7f
        call    scroll
        jmp     leave
7:      call    clear
        jmp     leave

teletype:
        mov     dx, [BDA_CURSOR]
        cmp     al, 13
        je      1f
        cmp     al, 10
        je      2f
        cmp     al, 8
        je      3f
        cmp     al, 7
        je      leave
        call    cell
        mov     ah, 7
        stosw
        inc     dl
        cmp     dl, COLUMNS
        jb      4f
        mov     dl, 0
2:      inc     dh
        cmp     dh, ROWS
        jb      4f
        dec     dh
        mov     [BDA_CURSOR], dx
        call    scroll
        jmp     4f
1:      mov     dl, 0
        jmp     4f
3:      sub     dl, 1
        adc     dl, 0
4:      mov     [BDA_CURSOR], dx
        call    cursor
        jmp     leave

# dx: row and column; es:di: its place
cell:   push    ax
        mov     di, 0xb800
        mov     es, di
        movzx   di, dh
        imul    di, di, COLUMNS
        movzx   ax, dl
        add     di, ax
        add     di, di
        pop     ax
        ret

# dx: where the cursor goes
cursor: pusha
        call    cell
        shr     di, 1
        mov     cx, di
        mov     dx, 0x3d4
        mov     al, 0x0e
        mov     ah, ch
        out     dx, ax
        mov     al, 0x0f
        mov     ah, cl
        out     dx, ax
        popa
        ret

scroll: pusha
        push    ds
        mov     ax, 0xb800
        mov     es, ax
        mov     ds, ax
        xor     di, di
        mov     si, 2 * COLUMNS
        mov     cx, (ROWS - 1) * COLUMNS
        rep movsw
        mov     cx, COLUMNS
        mov     ax, 0x0720
        rep stosw
        pop     ds
        popa
        ret

clear:  mov     ax, 0xb800
        mov     es, ax
        xor     di, di
        mov     cx, ROWS * COLUMNS
        mov     ax, 0x0720
        rep stosw
        ret

# Text mode 3: 80 by 25 cells of 9 by 16. ds: 40h
mode3:  mov     dx, 0x3c2
        mov     al, 0x67
        out     dx, al
        mov     dx, 0x3c4
        mov     si, offset sequencer
        mov     cx, 5
        call    indexed
        # CRTC 0 to 7 are protected by bit 7 of register 11h
        mov     dx, 0x3d4
        mov     ax, 0x0e11
        out     dx, ax
        mov     si, offset crtc
        mov     cx, 25
        call    indexed
        mov     dx, 0x3ce
        mov     si, offset graphics
        mov     cx, 9
        call    indexed
        mov     dx, 0x3da
        in      al, dx
        mov     dx, 0x3c0
        mov     si, offset attributes
        xor     ah, ah
        mov     cx, 21
1:      mov     al, ah
        out     dx, al
        mov     al, cs:[si]
        out     dx, al
        inc     si
        inc     ah
        loop    1b
        mov     al, 0x20
        out     dx, al
        mov     al, 0xff
        mov     dx, 0x3c6
        out     dx, al
        # colours: bits 0 to 2 are blue, green and red at two thirds, 3 to 5 the same at a third
        xor     bl, bl
2:      mov     dx, 0x3c8
        mov     al, bl
        out     dx, al
        inc     dx
        mov     cl, 2
3:      mov     ah, bl
        shr     ah, cl
        mov     al, ah
        and     al, 1
        imul    ax, ax, 42
        mov     bh, bl
        shr     bh, 3
        shr     bh, cl
        test    bh, 1
        jz      4f
        add     al, 21
4:      out     dx, al
        dec     cl
        jns     3b
        inc     bl
        cmp     bl, 64
        jb      2b
        call    font
        mov     byte ptr [BDA_MODE], 3
        mov     word ptr [BDA_COLUMNS], COLUMNS
        mov     byte ptr [BDA_ROWS], ROWS - 1
        call    clear
        xor     dx, dx
        mov     [BDA_CURSOR], dx
        jmp     cursor

# cs:si: cx values for registers from 0 of index port dx
indexed:
        xor     al, al
1:      mov     ah, cs:[si]
        out     dx, ax
        inc     si
        inc     al
        loop    1b
        ret

# Puts the glyphs into plane 2: each of the 3 by 5 dots of a glyph becomes 2 by 2.
font:   mov     dx, 0x3c4
        mov     ax, 0x0402
        out     dx, ax
        mov     ax, 0x0604
        out     dx, ax
        mov     dx, 0x3ce
        mov     ax, 0x0005
        out     dx, ax
        mov     ax, 0x0406
        out     dx, ax
        mov     ax, 0xa000
        mov     es, ax
        xor     di, di
        xor     ax, ax
        mov     cx, 0x1000
        rep stosw
        mov     bl, ' '
1:      movzx   si, bl
        cmp     bl, 0x60
        jb      2f
        sub     si, 0x20
2:      sub     si, ' '
        add     si, si
        mov     dx, cs:[si + glyphs]
        movzx   di, bl
        shl     di, 5
        add     di, 3
        mov     cx, 5
3:      mov     bh, dh
        shr     bh, 4
        and     bh, 7
        shl     dx, 3
        xor     al, al
        test    bh, 4
        jz      4f
        or      al, 0x60
4:      test    bh, 2
        jz      5f
        or      al, 0x18
5:      test    bh, 1
        jz      6f
        or      al, 0x06
6:      mov     ah, al
        stosw
        loop    3b
        inc     bl
        cmp     bl, 0x7f
        jb      1b
        mov     dx, 0x3c4
        mov     ax, 0x0302
        out     dx, ax
        mov     ax, 0x0204
        out     dx, ax
        mov     dx, 0x3ce
        mov     ax, 0x1005
        out     dx, ax
        mov     ax, 0x0e06
        out     dx, ax
        ret

# ---- tables ----

        .balign 4
low_ranges:
        .long   0, 0x9fc00, 1
        .long   0x9fc00, 0x400, 2
        .long   0xf0000, 0x10000, 2
gdt:    .quad   0, 0x00cf93000000ffff
gdt_pointer:
        .word   15, gdt, 0x000f
vectors:
        .word   0x08 * 4, timer
        .word   0x09 * 4, keyboard
        .word   0x10 * 4, int10
        .word   0x11 * 4, int11
        .word   0x12 * 4, int12
        .word   0x13 * 4, int13
        .word   0x15 * 4, int15
        .word   0x16 * 4, int16
        .word   0x19 * 4, boot
        .word   0x1a * 4, int1a
        .word   0xffff

sequencer:
        .byte   3, 0, 3, 0, 2
crtc:   .byte   0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0
        .byte   0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff
graphics:
        .byte   0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff
attributes:
        .byte   0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0, 0x0f, 8, 0

plain:  .ascii  "\0\0331234567890-=\b\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 "
plain_end:
shifted:
        .ascii  "\0\033!@#$%^&*()_+\b\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 "

# A row of three dots is an octal digit; from blank to underscore, and capitals stand for small letters.
        .balign 2
glyphs: .word   000000, 022202, 055000, 057575, 036362, 051245, 025253, 022000, 012221, 042224, 005250, 002720
        .word   000024, 000700, 000002, 011244, 075557, 026227, 071747, 071717, 055711, 074717, 074757, 071122
        .word   075757, 075717, 002020, 002024, 012421, 007070, 042124, 071202, 025543, 025755, 065656, 034443
        .word   065556, 074647, 074644, 034553, 055755, 072227, 011152, 055655, 044447, 057755, 065555, 025552
        .word   065644, 025563, 065655, 034216, 072222, 055557, 055552, 055775, 055255, 055222, 071247, 064446
        .word   044211, 031113, 025000, 000007

hello:  .asciz  "Xenolith's built-in BIOS\r\n"
booting:
        .asciz  "Starting from the first disk\r\n"
no_disk:
        .asciz  "There is no disk. Give one with --disk, or firmware with --firmware.\r\n"
unreadable:
        .asciz  "The disk cannot be read.\r\n"
no_boot:
        .asciz  "The disk has no boot sector.\r\n"

        .org    0xfff0
        .byte   0xea
        .word   start, 0xf000
        .ascii  "11/25/26"
        .org    0xfffe
        .byte   0xfc, 0

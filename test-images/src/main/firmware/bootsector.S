# A boot sector that asks a BIOS for what it needs, says on screen and serial port what it got, echoes a line of keys and leaves by isa-debug-exit with
# status 42. The keys are asked for only where the second sector of the disk begins with 'K'.
        .intel_syntax noprefix
        .code16
        COM1 = 0x3f8
        SECOND = 0x8000

        .text
        .globl start
start:  cld
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, 0x7c00
        mov     drive, dl
        mov     ax, 3
        int     0x10
        mov     si, offset hello
        call    say

        # memory from 1 MiB, in MiB, by the memory map
        xor     ebx, ebx
1:      mov     eax, 0xe820
        mov     edx, 0x534d4150
        mov     ecx, 20
        mov     di, SECOND
        int     0x15
        jc      failed
        cmp     dword ptr [SECOND], 0x100000
        je      2f
        test    ebx, ebx
        jnz     1b
        jmp     failed
2:      mov     eax, [SECOND + 8]
        shr     eax, 20
        inc     ax
        call    number
        mov     si, offset mib
        call    say

        # the second sector, by cylinder, head and sector and by the extension
        mov     ax, 0x0201
        mov     cx, 2
        mov     dh, 0
        mov     dl, drive
        mov     bx, SECOND
        int     0x13
        jc      failed
        mov     si, offset packet
        mov     ah, 0x42
        mov     dl, drive
        int     0x13
        jc      failed
        mov     si, SECOND
        mov     di, SECOND + 512
        mov     cx, 256
        repe cmpsw
        jne     failed
        mov     si, SECOND + 1
        call    say
        cmp     byte ptr [SECOND], 'K'
        jne     4f
        mov     si, offset keys
        call    say
3:      xor     ah, ah
        int     0x16
        call    put
        cmp     al, 13
        jne     3b
        mov     al, 10
        call    put

        # five ticks of the timer
4:      xor     ah, ah
        int     0x1a
        mov     bx, dx
5:      hlt
        xor     ah, ah
        int     0x1a
        sub     dx, bx
        cmp     dx, 5
        jb      5b
        mov     si, offset bye
        call    say
        mov     al, 42
        jmp     leave
failed: mov     si, offset wrong
        call    say
        mov     al, 1
leave:  out     0xf4, al
        cli
        hlt

# ds:si: text, ends with a zero
say:    lodsb
        test    al, al
        jz      1f
        call    put
        jmp     say
1:      ret

# ax: a number
number: xor     dx, dx
        mov     cx, 10
        div     cx
        push    dx
        test    ax, ax
        jz      1f
        call    number
1:      pop     ax
        add     al, '0'
# al: a character
put:    push    ax
        push    dx
        mov     ah, 0x0e
        mov     bx, 7
        int     0x10
        mov     dx, COM1
        out     dx, al
        pop     dx
        pop     ax
        ret

packet: .byte   16, 0
        .word   1, SECOND + 512, 0
        .quad   1
drive:  .byte   0
hello:  .asciz  "Hello from a boot sector\r\n"
mib:    .asciz  " MiB of memory\r\n"
keys:   .asciz  "Keys: "
bye:    .asciz  "Good bye\r\n"
wrong:  .asciz  "Something is wrong\r\n"
        .org    510
        .word   0xaa55

package org.xenolith.cpu.disasm.check;

import java.util.List;
import java.util.regex.Pattern;

/** Extensions that objdump decodes and no CPU model of ours has: their encodings are #UD here. */
final class Unsupported {
    /** An extension and the mnemonics that belong to it. */
    private record Extension(String name, Pattern mnemonics) {
        static Extension of(String name, String mnemonics) {
            return new Extension(name, Pattern.compile(mnemonics));
        }
    }

    private static final List<Extension> EXTENSIONS = List.of(
            Extension.of("3DNow!", "femms|pf[a-z0-9]+|pi2f[wd]|pavgusb|pmulhrw|pswapd"),
            Extension.of("SEV", "pvalidate|rmpupdate|psmash|rmpadjust|rmpquery|vmgexit"),
            Extension.of("SMX", "getsec"),
            Extension.of("SGX", "enclu|encls|enclv"),
            Extension.of("TDX", "tdcall|seamret|seamops|seamcall"),
            Extension.of("CET", "wruss[dq]|wrss[dq]|rdssp[dq]|incssp[dq]|saveprevssp|rstorssp|setssbsy|clrssbsy"),
            Extension.of("MPX", "bnd(cl|cu|cn|mov|mk|ldx|stx)"),
            Extension.of("RTM", "xbegin[wd]?|xend|xabort|xtest"),
            Extension.of("TSXLDTRK", "xsusldtrk|xresldtrk"),
            Extension.of("MOVDIR", "movdiri|movdir64b"),
            Extension.of("ENQCMD", "enqcmds?"),
            Extension.of("RAO-INT", "aadd|aand|aor|axor"),
            Extension.of("CMPCCXADD", "cmp[a-z]+xadd"),
            Extension.of("KEYLOCKER", "aes(enc|dec)(wide)?(128|256)kl|encodekey(128|256)|loadiwkey"),
            Extension.of("WAITPKG", "umonitor|umwait|tpause"),
            Extension.of("UINTR", "clui|stui|testui|uiret|senduipi"),
            Extension.of("HRESET", "hreset"),
            Extension.of("SERIALIZE", "serialize"),
            Extension.of("PTWRITE", "ptwrite"),
            Extension.of("PCONFIG", "pconfig"),
            Extension.of("MCOMMIT", "mcommit"),
            Extension.of("CLZERO", "clzero"),
            Extension.of("RDPRU", "rdpru"),
            Extension.of("MONITORX", "monitorx|mwaitx"),
            Extension.of("INVLPGB", "invlpgb|tlbsync"),
            Extension.of("MSRLIST", "rdmsrlist|wrmsrlist|wrmsrns"),
            Extension.of("PADLOCK", "xstore-rng|xcrypt-[a-z]+|montmul|xsha(1|256)|xcrypt[a-z]+|xstorerng"),
            Extension.of("SSE4A", "extrq|insertq|movntss|movntsd"),
            Extension.of("TBM", "blcfill|blsfill|blcs|tzmsk|blcic|blsic|t1mskc|blcmsk|blci"),
            Extension.of("LWP", "llwpcb|slwpcb|lwpins|lwpval"),
            Extension.of("XOP",
                    "vfrczp[sd]|vfrczs[sd]|vpcmov|vpcom(lt|le|gt|ge|eq|neq|false|true)?u?[bwdq]|vpperm|vprot[bwdq]"
                            + "|vphaddu?(bw|bd|bq|wd|wq|dq)|vphsub(bw|wd|dq)|vpmacs.*|vpmadcs.*"
                            + "|vpsha[bwdq]|vpshl[bwdq]"),
            Extension.of("FMA4", "vfn?m(add|sub)[ps][sd]|vfm(addsub|subadd)p[sd]|vpermil2p[sd]"),
            Extension.of("AVX-VNNI", "vpdp(bu|ws|wu|bs)[a-z]+"),
            Extension.of("AVX-IFMA", "vpmadd52[hl]uq"),
            Extension.of("AVX-NE-CONVERT", "vbcstne.*|vcvtnee.*|vcvtneo.*|vcvtneps2bf16"),
            Extension.of("AMX", "ldtilecfg|sttilecfg|tile.*|tdp.*"),
            Extension.of("AVX512-MASK", "k[a-z]+[bwdq]+"),
            Extension.of("CLDEMOTE", "cldemote"));

    private Unsupported() {
    }

    /** The extension that has an instruction of this name; empty if none has. */
    static String extension(String mnemonic) {
        for (Extension e : EXTENSIONS) {
            if (e.mnemonics.matcher(mnemonic).matches()) {
                return e.name;
            }
        }
        return "";
    }

    /** Name of the extension that the instruction belongs to; empty if we should know it. */
    static String extension(Fields f, String text) {
        if (f.evex()) {
            return "AVX512";
        }
        String mnemonic = mnemonic(text);
        String name = extension(mnemonic);
        if (!name.isEmpty()) {
            return name;
        }
        if (f.vex() && mnemonic.startsWith("vaes") && text.contains("ymm")) {
            return "VAES";
        }
        if (f.vex() && mnemonic.startsWith("vpclmul") && text.contains("ymm")) {
            return "VPCLMULQDQ";
        }
        return "";
    }

    /** The first word that names no prefix. */
    private static String mnemonic(String text) {
        for (String word : text.split(" ", -1)) {
            if (!Comparison.isPrefixName(word) && !word.equals("{vex}")) {
                return word;
            }
        }
        return "";
    }
}

package org.xenolith.architecture;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.AccessTarget;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The arrows and promises of the architecture, checked on the compiled classes of all modules:
 * <ul>
 * <li>the layers depend one way, and no two of their packages on each other;</li>
 * <li>devices see of the processor only memory, bus and time;</li>
 * <li>native memory and native calls stay in three packages;</li>
 * <li>nothing that differs between two runs (clock, randomness, identity, threads) is used inside the machine;</li>
 * <li>no state is static, so that two machines in one process never meet;</li>
 * <li>only the command line prints and exits.</li>
 * </ul>
 */
final class ArchitectureTest {
    private static final String[] CPU = {"org.xenolith.memory..", "org.xenolith.bus..", "org.xenolith.time..",
        "org.xenolith.cpu.."};
    private static final String[] HOST_EDGE = {"org.xenolith.host..", "org.xenolith.cli.."};

    private static JavaClasses classes;

    @BeforeAll
    static void read_the_classes() {
        classes = new ClassFileImporter().withImportOption(new ImportOption.DoNotIncludeTests())
                .importPackages("org.xenolith");
    }

    @Test
    void every_source_file_is_judged() {
        Set<String> expected = Sources.files().keySet().stream()
                .map(name -> name.substring(0, name.length() - ".java".length()).replace('/', '.'))
                .filter(name -> !name.endsWith(".package-info"))
                .collect(Collectors.toCollection(TreeSet::new));
        Set<String> seen = classes.stream().map(JavaClass::getName).filter(expected::contains)
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(expected, seen);
    }

    @Test
    void layers_depend_one_way() {
        layeredArchitecture().consideringOnlyDependenciesInLayers().withOptionalLayers(true)
                .layer("cpu-x86").definedBy(CPU)
                .layer("devices").definedBy("org.xenolith.devices..")
                .layer("hypervisor").definedBy("org.xenolith.hypervisor..")
                .layer("guests").definedBy("org.xenolith.guests..")
                .layer("emulator").definedBy("org.xenolith.emulator..", "org.xenolith.host..")
                .layer("cli").definedBy("org.xenolith.cli..")
                .whereLayer("cpu-x86").mayNotAccessAnyLayer()
                .whereLayer("devices").mayOnlyAccessLayers("cpu-x86")
                .whereLayer("hypervisor").mayOnlyAccessLayers("cpu-x86", "devices")
                .whereLayer("guests").mayOnlyAccessLayers("cpu-x86", "devices", "hypervisor")
                .whereLayer("emulator").mayOnlyAccessLayers("cpu-x86", "devices", "hypervisor", "guests")
                .check(classes);
    }

    @Test
    void concerns_are_free_of_cycles() {
        slices().matching("org.xenolith.(*)..").should().beFreeOfCycles().check(classes);
    }

    @Test
    void devices_see_of_the_processor_only_memory_bus_and_time() {
        // interrupts end at the local APIC, and the bare PC's address map is the second stage of its CPUs
        String[] joints = {"org.xenolith.devices.irq", "org.xenolith.devices.pc"};
        noClasses().that().resideInAPackage("org.xenolith.devices..").and().resideOutsideOfPackages(joints)
                .should().dependOnClassesThat().resideInAPackage("org.xenolith.cpu..").check(classes);
        noClasses().that().resideInAnyPackage(joints)
                .should().dependOnClassesThat(resideInAPackage("org.xenolith.cpu..")
                        .and(resideOutsideOfPackages("org.xenolith.cpu.apic", "org.xenolith.cpu.mmu")))
                .check(classes);
    }

    @Test
    void native_access_stays_in_three_packages() {
        noClasses().that()
                .resideOutsideOfPackages("org.xenolith.memory", "org.xenolith.cpu.jit.host", "org.xenolith.host")
                .should().dependOnClassesThat()
                .resideInAnyPackage("java.lang.foreign..", "sun.misc..", "jdk.internal..")
                .check(classes);
    }

    /** The file of translations from run to run: read in the background and dated by the host's clock, of which no guest sees anything. */
    private static DescribedPredicate<JavaClass> areNotTheStore() {
        return describe("are not the store of translations", c -> !c.getName().matches(
                "org\\.xenolith\\.cpu\\.jit\\.(StoreFile|StoredTranslations)(\\$.*)?"));
    }

    @Test
    void the_machine_uses_nothing_that_differs_between_two_runs() {
        noClasses().that().resideOutsideOfPackages(HOST_EDGE).and(areNotTheStore())
                .should().accessTargetWhere(accessTo(
                        "java.lang.System.currentTimeMillis", "java.lang.System.nanoTime",
                        "java.lang.System.identityHashCode", "java.lang.Math.random", "java.util.UUID.randomUUID"))
                .orShould().accessTargetWhere(describe("the current time of java.time", access -> {
                    AccessTarget target = access.getTarget();
                    return target.getOwner().getPackageName().equals("java.time")
                            && (target.getName().equals("now") || target.getName().startsWith("system"));
                }))
                .orShould().callConstructor(java.util.Random.class)
                .orShould().dependOnClassesThat().haveFullyQualifiedName("java.util.concurrent.ThreadLocalRandom")
                .orShould().dependOnClassesThat().haveFullyQualifiedName("java.security.SecureRandom")
                .check(classes);
    }

    @Test
    void the_machine_starts_no_threads_and_never_sleeps() {
        noClasses().that().resideOutsideOfPackages(HOST_EDGE).and(areNotTheStore())
                .should().accessTargetWhere(accessTo("java.lang.Thread.<init>", "java.lang.Thread.start",
                        "java.lang.Thread.sleep", "java.lang.Thread.ofPlatform", "java.lang.Thread.ofVirtual",
                        "java.lang.Thread.startVirtualThread", "java.lang.Object.wait",
                        "java.util.Collection.parallelStream", "java.util.stream.BaseStream.parallel"))
                .orShould().dependOnClassesThat().haveFullyQualifiedName("java.util.Timer")
                .orShould().dependOnClassesThat().haveFullyQualifiedName("java.util.concurrent.Executors")
                .orShould().dependOnClassesThat().haveFullyQualifiedName("java.util.concurrent.ForkJoinPool")
                .check(classes);
    }

    @Test
    void no_state_is_static() {
        fields().that().areStatic()
                .and(describe("are not made by the compiler", f -> !f.getModifiers().contains(JavaModifier.SYNTHETIC)))
                .should().beFinal().check(classes);
    }

    @Test
    void only_the_command_line_prints_and_exits() {
        noClasses().that().resideOutsideOfPackage("org.xenolith.cli..")
                .should().accessTargetWhere(accessTo("java.lang.System.out", "java.lang.System.err",
                        "java.lang.System.exit", "java.lang.Runtime.exit", "java.lang.Runtime.halt",
                        "java.lang.Throwable.printStackTrace"))
                .check(classes);
    }

    @Test
    void every_class_belongs_to_a_layer() {
        List<String> strays = classes.stream()
                .filter(DescribedPredicate.not(resideInAnyPackage("org.xenolith.memory..", "org.xenolith.bus..",
                        "org.xenolith.time..", "org.xenolith.cpu..", "org.xenolith.devices..",
                        "org.xenolith.hypervisor..", "org.xenolith.guests..", "org.xenolith.emulator..",
                        "org.xenolith.host..", "org.xenolith.cli..", "org.xenolith.testimages..")))
                .map(JavaClass::getName).toList();
        assertEquals(List.of(), strays);
    }

    /** Uses of the members {@code targets}, each written as owner, dot, name, through the owner or a subtype of it. */
    private static DescribedPredicate<JavaAccess<?>> accessTo(String... targets) {
        return describe("the target is one of " + new TreeSet<>(Set.of(targets)), access -> {
            for (String target : targets) {
                int dot = target.lastIndexOf('.');
                String owner = target.substring(0, dot);
                // a field of ours may be called 'wait'; a method of ours that is would override Object's
                boolean owned = access.getTarget() instanceof AccessTarget.FieldAccessTarget
                        ? access.getTargetOwner().getName().equals(owner)
                        : access.getTargetOwner().isAssignableTo(owner);
                if (owned && access.getTarget().getName().equals(target.substring(dot + 1))) {
                    return true;
                }
            }
            return false;
        });
    }
}

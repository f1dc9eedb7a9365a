package dev.attune.cli;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The borders of modules and packages that docs/architecture.md states. */
final class ModuleBordersTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.attune");

  private static void hold(ArchRule rule) {
    rule.check(CLASSES);
  }

  @Test
  void everyModuleIsSeen() {
    for (String name :
        List.of(
            "dev.attune.dsl.syntax.Parser",
            "dev.attune.compiler.spec.AttentionSpec",
            "dev.attune.ptx.PtxPrinter",
            "dev.attune.runtime.Device",
            "dev.attune.specs.SpecLibrary",
            "dev.attune.cli.Main")) {
      assertTrue(CLASSES.contain(name), name);
    }
  }

  @Test
  void onlyTheParserSeesTheGeneratedOne() {
    hold(
        noClasses()
            .that()
            .resideOutsideOfPackages("dev.attune.dsl.syntax..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.antlr..", "dev.attune.dsl.syntax.generated.."));
  }

  @Test
  void onlyTwoPackagesSeeJCuda() {
    hold(
        noClasses()
            .that()
            .resideOutsideOfPackages("dev.attune.runtime.cuda..", "dev.attune.ptx.assemble..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("jcuda.."));
  }

  @Test
  void theReferenceSeesOnlyTheSpec() {
    hold(
        classes()
            .that()
            .resideInAPackage("dev.attune.compiler.reference..")
            .should()
            .onlyDependOnClassesThat(
                resideInAnyPackage(
                    "java..",
                    "org.jspecify..",
                    "dev.attune.compiler.reference..",
                    "dev.attune.compiler.spec..")));
  }

  @Test
  void theSpecSeesNothing() {
    hold(
        classes()
            .that()
            .resideInAPackage("dev.attune.compiler.spec..")
            .should()
            .onlyDependOnClassesThat(
                resideInAnyPackage("java..", "org.jspecify..", "dev.attune.compiler.spec..")));
  }

  @Test
  void onlyChecksSeeSyntax() {
    hold(
        noClasses()
            .that()
            .resideInAnyPackage(
                "dev.attune.compiler.spec..",
                "dev.attune.compiler.analysis..",
                "dev.attune.compiler.schedule..",
                "dev.attune.compiler.tile..",
                "dev.attune.compiler.pass..",
                "dev.attune.ptx..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("dev.attune.dsl..", "dev.attune.compiler.check.."));
    hold(
        noClasses()
            .that()
            .resideInAPackage("dev.attune.runtime..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.attune.dsl.syntax.."));
    hold(
        noClasses()
            .that()
            .resideInAPackage("dev.attune.runtime..")
            .and()
            .haveSimpleNameNotContaining("SpecText")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.attune.compiler.check.."));
  }

  @Test
  void theEmulatorReadsTextOnly() {
    hold(
        noClasses()
            .that()
            .resideInAPackage("dev.attune.ptx.emulate..")
            .should()
            .dependOnClassesThat(
                resideInAnyPackage(
                    "dev.attune.ptx",
                    "dev.attune.ptx.ampere..",
                    "dev.attune.ptx.select..",
                    "dev.attune.ptx.compile..",
                    "dev.attune.ptx.artifact..",
                    "dev.attune.compiler..",
                    "dev.attune.dsl..")));
  }

  @Test
  void modulesDependOnThoseBefore() {
    String[] modules = {
      "dev.attune.dsl..",
      "dev.attune.compiler..",
      "dev.attune.ptx..",
      "dev.attune.runtime..",
      "dev.attune.specs..",
      "dev.attune.cli.."
    };
    for (int i = 0; i < modules.length; i++) {
      for (int later = i + 1; later < modules.length; later++) {
        hold(
            noClasses()
                .that()
                .resideInAPackage(modules[i])
                .should()
                .dependOnClassesThat()
                .resideInAPackage(modules[later]));
      }
    }
  }

  @Test
  void generatingSeesNeitherTheCommandLineNorADevice() {
    hold(
        classes()
            .that()
            .resideInAPackage("dev.attune.cli.generate..")
            .should()
            .onlyDependOnClassesThat(
                resideInAnyPackage(
                    "java..",
                    "javax.lang.model..",
                    "com.fasterxml.jackson..",
                    "com.palantir.javapoet..",
                    "org.jspecify..",
                    "dev.attune.cli.generate..",
                    "dev.attune.compiler.check..",
                    "dev.attune.compiler.schedule..",
                    "dev.attune.compiler.spec..",
                    "dev.attune.dsl.diagnostic..",
                    "dev.attune.ptx.artifact..",
                    "dev.attune.ptx.assemble..",
                    "dev.attune.ptx.compile..",
                    "dev.attune.runtime")));
    hold(
        noClasses()
            .that()
            .resideOutsideOfPackages("dev.attune.cli.generate..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("com.palantir.javapoet.."));
  }

  @Test
  void packagesOfTheCompilerHaveNoCycles() {
    hold(slices().matching("dev.attune.compiler.(*)..").should().beFreeOfCycles());
  }

  @Test
  void packagesOfTheLanguageHaveNoCycles() {
    hold(slices().matching("dev.attune.dsl.(*)..").should().beFreeOfCycles());
  }

  @Test
  void packagesOfCodeGenerationHaveNoCycles() {
    hold(slices().matching("dev.attune.(ptx..)").should().beFreeOfCycles());
  }
}

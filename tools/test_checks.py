"""test_checks.py - the checkers refuse bad samples, accept good ones; the counter loses no failure.

Runs by unittest alone, so that the checks need no package beyond python3.
"""

import tempfile
import unittest
from pathlib import Path

import check_layers
import check_named_tests
import check_style
import count_tests

GOOD_HEADER = "/* {0} - sample. */\n#ifndef {1}\n#define {1}\n{2}#endif\n"


class Sample(unittest.TestCase):
    """A folder that lives as long as one test; write() fills it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


class Layers(Sample):
    def complaints(self, files):
        for name, text in files.items():
            self.write(name, text)
        return check_layers.check(self.root)

    def test_downward_is_fine(self):
        self.assertEqual(
            [],
            self.complaints(
                {
                    "base/err.h": "#include <stdint.h>\n",
                    "proto/types.h": '#include "base/err.h"\n',
                    "net/sockaddr.h": '#include "proto/types.h"\n',
                    "front/udp.c": '#include "net/sockaddr.h"\n#include "base/err.h"\n',
                }
            ),
        )

    def test_upward_is_refused(self):
        (complaint,) = self.complaints({"base/log.c": '#include "app/config.h"\n'})
        self.assertIn("level base must not include", complaint)

    def test_only_the_named_headers_of_a_level(self):
        (complaint,) = self.complaints(
            {"swarm/swarm.h": '#include "proto/types.h"\n#include "proto/bencode.h"\n'}
        )
        self.assertIn("proto/bencode.h", complaint)

    def test_indented_directives_are_seen(self):
        (complaint,) = self.complaints({"proto/a.c": '#  include "net/loop.h"\n'})
        self.assertIn("net/loop.h", complaint)

    def test_path_must_start_at_src(self):
        (complaint,) = self.complaints({"base/log.c": '#include "log.h"\n'})
        self.assertIn("by its path", complaint)

    def test_unknown_folder_is_refused(self):
        (complaint,) = self.complaints({"misc/a.c": "\n"})
        self.assertIn("not a level", complaint)

    def test_circle_is_refused(self):
        (complaint,) = self.complaints(
            {
                "base/a.h": '#include "base/b.h"\n',
                "base/b.h": '#include "base/c.h"\n',
                "base/c.h": '#include "base/a.h"\n',
            }
        )
        self.assertEqual(complaint, "circle: base/a.h -> base/b.h -> base/c.h -> base/a.h")

    def test_an_empty_tree_is_no_proof(self):
        self.assertTrue(check_layers.check(self.root))


class Style(Sample):
    def complaints(self, name, text):
        self.write(name, text)
        return check_style.check(self.root)

    def refused(self, name, text, why):
        complaints = self.complaints(name, text)
        self.assertEqual(len(complaints), 1, complaints)
        self.assertIn(why, complaints[0])

    def test_good_files_pass(self):
        self.write("src/net/loop.h", GOOD_HEADER.format("loop.h", "NET_LOOP_H", ""))
        text = '/* loop.c - sample. strcpy() in a comment. */\n#include "net/loop.h"\n\n'
        self.assertEqual([], self.complaints("src/net/loop.c", text + 'char *s = "gets(x)";\n'))

    def test_banned_function(self):
        self.refused("src/base/a.c", "/* a.c - x. */\nint f(void)\n{\n    sprintf(b);\n}\n", "sprintf")

    def test_name_that_only_contains_a_banned_one(self):
        self.assertEqual([], self.complaints("src/base/a.c", "/* a.c - x. */\nint x = fgets(b);\n"))

    def test_promise(self):
        self.refused("tools/a.py", "# TO" + "DO later\n", "open an issue")

    def test_missing_header_comment(self):
        self.refused("src/base/a.c", "int a;\n", "must begin with")

    def test_header_comment_of_another_file(self):
        self.refused("src/base/a.c", "/* b.c - x. */\n", "must begin with")

    def test_include_guard(self):
        self.refused("src/base/a.h", GOOD_HEADER.format("a.h", "A_H", ""), "BASE_A_H")

    def test_own_header_first(self):
        self.write("src/base/a.h", GOOD_HEADER.format("a.h", "BASE_A_H", ""))
        text = '/* a.c - x. */\n#include <stdio.h>\n#include "base/a.h"\n'
        self.refused("src/base/a.c", text, "first include")

    def test_unchecked_error(self):
        text = GOOD_HEADER.format("a.h", "BASE_A_H", "enum err f(int a,\n           int b);\n")
        self.refused("src/base/a.h", text, "MUST_CHECK")

    def test_checked_error(self):
        text = GOOD_HEADER.format("a.h", "BASE_A_H", "enum err f(int a,\n  int b) MUST_CHECK;\n")
        self.assertEqual([], self.complaints("src/base/a.h", text))

    def test_tab_space_column_and_end(self):
        self.refused("src/base/a.c", "/* a.c - x. */\n\tint a;\n", "tab")
        self.refused("src/base/a.c", "/* a.c - x. */\nint a; \n", "trailing")
        self.refused("src/base/a.c", "/* a.c - x. */\n//" + "x" * 109 + "\n", "111 columns")
        self.refused("src/base/a.c", "/* a.c - x. */", "no newline")

    def test_long_file(self):
        self.refused("src/base/a.c", "/* a.c - x. */\n" + "\n" * 800, "801 lines")

    def test_long_function(self):
        body = "void f(void)\n{\n" + "    g();\n" * 70 + "}\n"
        self.refused("src/base/a.c", "/* a.c - x. */\n" + body, "function of 71 lines")
        text = "/* a.c - x. */\n/* Long because it is a table. */\n" + body
        self.assertEqual([], self.complaints("src/base/a.c", text))


class NamedTests(Sample):
    def setUp(self):
        super().setUp()
        self.write("tests/blackbox/test_a.py", "def test_one(server):\n    pass\n")
        self.write("tests/unit/base_a.c", "static void one(void **s)\n{\n}\nstatic void two(int a)\n{\n}\n")
        self.write("tests/unit/base_b.c", "static void one(void **s)\n")
        self.write("tests/unit/meson.build", "unit_tests = [\n  'base_a',\n]\n")
        self.write("tests/fuzz/fuzz_a.c", "")
        self.write("tests/fuzz/fuzz_b.c", "")
        self.write("tests/fuzz/meson.build", "fuzz_targets = {\n  'fuzz_a': [],\n}\n")
        self.write("src/base/a.c", "")

    def complaints(self, text):
        self.write("docs/a.md", text)
        return check_named_tests.check(self.root, "docs/a.md")

    def test_what_is_there(self):
        self.assertEqual([], self.complaints(
            "`blackbox/test_a.py::test_one` `unit/base_a.c::one` `fuzz_a` `test_a.py` `base/a.c`\n"
            "`--option` `udp://x:1/a.c` `GET /x`\n"))

    def test_what_is_not(self):
        for name in ("blackbox/test_a.py::test_on", "blackbox/test_b.py::test_one", "blackbox/test_a.py::",
                     "rights/test_a.py::test_one", "unit/base_a.c::two", "unit/base_b.c::one",
                     "fuzz_b", "fuzz_c", "test_b.py", "base/b.c"):
            (complaint,) = self.complaints(f"`fuzz_a`\n`{name}`\n")
            self.assertEqual(complaint, f"docs/a.md:2: there is no {name}")

    def test_a_row_without_a_test(self):
        head = "| attack | test |\n|---|---|\n| a | `fuzz_a` |\n"
        self.assertEqual([], self.complaints(head))
        self.assertEqual(["docs/a.md:4: names no test"], self.complaints(head + "| b `fuzz_a` | none |\n"))
        self.assertEqual([], self.complaints(head + "\n| attack | why |\n|---|---|\n| c | d |\n"))

    def test_a_document_without_a_name(self):
        self.assertEqual(["docs/a.md: names no test at all"], self.complaints("nothing\n"))


class Counting(Sample):
    JUNIT = (
        '<testsuites><testsuite name="s"><testcase classname="c" name="a"/>'
        '<testcase classname="c" name="b">{}</testcase></testsuite></testsuites>'
    )

    def count(self, inside, status):
        junit = self.write("x.xml", self.JUNIT.format(inside))
        return count_tests.count("suite", status, junit)

    def test_all_pass(self):
        self.assertEqual((self.count("", 0)), (2, [], []))

    def test_failed_and_skipped(self):
        self.assertEqual(self.count("<failure/>", 1), (1, ["c: b"], []))
        self.assertEqual(self.count("<error/>", 1), (1, ["c: b"], []))
        self.assertEqual(self.count("<skipped/>", 0), (1, [], ["c: b"]))

    def test_bad_status_without_a_failed_test_is_a_failure(self):
        passed, failed, _ = self.count("", 1)
        self.assertEqual((passed, len(failed)), (2, 1))

    def test_no_report_is_a_failure(self):
        for text in (None, "", "<testsuites/>"):
            if text is not None:
                self.write("none.xml", text)
            passed, failed, _ = count_tests.count("suite", 0, self.root / "none.xml")
            self.assertEqual((passed, len(failed)), (0, 1))

    def test_a_program_that_died_after_its_last_ok(self):
        junit = self.write("log.junit.xml", self.JUNIT.format(""))
        self.write("log.json", '{"name": "c", "result": "ERROR"}\n{"name": "d", "result": "OK"}\n')
        passed, failed, _ = count_tests.count("suite", 1, junit)
        self.assertEqual((passed, failed), (2, ["c: ERROR"]))


if __name__ == "__main__":
    unittest.main()

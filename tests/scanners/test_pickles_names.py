"""Which names a model may be made of: what honest libraries write, and what lies next to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import Finding, Severity
from customhouse.scanners import pickles
from customhouse.scanners.pickles_allowed import Allowed, curated, runs_code
from customhouse.scanners.pickles_values import Global
from tests.scanners.support import findings, member, rules
from tests.scanners.test_pickles import SCANNER, facts, name

ALLOWED = Allowed(curated())


def made(module: str, attribute: str) -> bytes:
    """A pickle of one object of that class."""
    return b"\x80\x04" + name(module, attribute) + b")\x81."


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("sklearn.svm._classes", "SVC SVR NuSVC LinearSVC"),
        ("sklearn.decomposition._pca", "PCA"),
        ("sklearn.decomposition._nmf", "NMF"),
        ("sklearn.cluster._dbscan", "DBSCAN"),
        ("sklearn.feature_selection._rfe", "RFE RFECV"),
        ("sklearn.manifold._t_sne", "TSNE"),
        ("sklearn.neighbors._classification", "KNeighborsClassifier"),
        ("sklearn.neighbors._kd_tree", "newObj KDTree KDTree64"),
        ("sklearn.metrics._dist_metrics", "newObj EuclideanDistance64"),
        ("sklearn.ensemble._hist_gradient_boosting.binning", "_BinMapper"),
        ("sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor"),
        ("sklearn.pipeline", "Pipeline"),
        ("torch.nn.modules.rnn", "LSTM GRU RNN"),
        ("torch.nn.modules.activation", "GELU ELU ReLU SiLU"),
        ("torch.nn.modules.container", "Sequential ModuleList"),
        ("torch.optim.sgd", "SGD"),
        ("torch.optim.lbfgs", "LBFGS"),
        ("torch._utils", "_rebuild_tensor_v2 _rebuild_parameter"),
        ("torch", "FloatStorage Size device"),
        ("torch.jit._pickle", "build_intlist build_tensorlist restore_type_tag"),
        ("numpy.ma", "MaskedArray"),
        ("numpy.ma.core", "_mareconstruct"),
        ("numpy._core.multiarray", "_reconstruct scalar"),
        ("numpy.random._pickle", "__randomstate_ctor __bit_generator_ctor"),
        ("pandas", "DataFrame MultiIndex StringDtype CategoricalDtype Int64Dtype DatetimeTZDtype"),
        ("pandas.arrays", "StringArray DatetimeArray Categorical"),
        ("pandas._libs.internals", "_unpickle_block"),
        ("scipy.spatial._ckdtree", "CKDTree"),
        ("scipy.interpolate._interpolate", "interp1d PPoly"),
        ("xgboost.core", "Booster"),
        ("lightgbm.sklearn", "LGBMClassifier"),
        ("collections", "OrderedDict defaultdict deque Counter"),
        ("__builtin__", "set xrange unicode long"),
        ("copy_reg", "_reconstructor"),
        ("datetime", "datetime timedelta timezone"),
        ("joblib.numpy_pickle", "NDArrayWrapper"),
    ],
)
def test_what_libraries_write_is_no_finding(module: str, names: str) -> None:
    for attribute in names.split():
        assert facts(made(module, attribute)) == [], attribute


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("sklearn.callback._transport", "Client Listener Connection Thread"),
        ("sklearn.utils._available_if", "MethodType"),
        ("sklearn.utils.estimator_checks", "SkipTest"),
        ("sklearn.utils._test_common.instance_generator", "SkipTest"),
        ("sklearn.datasets._openml", "Request TemporaryDirectory"),
        ("sklearn.datasets._lfw", "Memory"),
        ("sklearn.externals.array_api_compat.common._typing", "Namespace"),
        ("sklearn.svm._classes", "np sparse X_DTYPE _SVC"),
        ("sklearn.ensemble._hist_gradient_boosting.binning", "_Other X_DTYPE"),
        ("pandas", "read_pickle ExcelFile HDFStore eval"),
        ("pandas.io.common", "Path BytesIO"),
        ("pandas.core.computation.scope", "Scope"),
        ("torch", "load hub jit _C"),
        ("torch.jit", "load"),
        ("torch.jit._pickle", "torch"),
        ("torch.utils.data", "DataLoader"),
        ("torch.nn.modules.rnn", "torch _VF"),
        ("torch.package.package_importer", "PackageImporter"),
        ("numpy.ma", "core"),
        ("numpy", "load fromfile memmap"),
        ("numpy.testing._private.utils", "runstring"),
        ("builtins", "eval exec getattr __import__ open compile map filter print input breakpoint"),
        ("__builtin__", "apply execfile file reload"),
        ("os", "system popen execv"),
        ("posix", "system"),
        ("nt", "system"),
        ("subprocess", "Popen run check_output"),
        ("operator", "methodcaller attrgetter itemgetter"),
        ("functools", "partial reduce"),
        ("importlib", "import_module"),
        ("runpy", "run_path _run_code"),
        ("pickle", "loads Unpickler"),
        ("_pickle", "loads"),
        ("marshal", "loads"),
        ("types", "CodeType FunctionType MethodType"),
        ("asyncio.unix_events", "_UnixSubprocessTransport._start"),
        ("ctypes", "CDLL"),
        ("cloudpickle.cloudpickle", "_builtin_type _make_function make_skeleton_class"),
        ("dill._dill", "_create_code _create_type _load_type"),
        ("transformers", "pipeline"),
        ("webbrowser", "open"),
        ("shutil", "rmtree"),
        ("socket", "create_connection"),
        ("urllib.request", "urlopen"),
        ("zipimport", "zipimporter"),
        ("pip", "main"),
        ("idlelib.run", "Executive"),
    ],
)
def test_what_lies_next_to_it_is_a_finding(module: str, names: str) -> None:
    for attribute in names.split():
        [found] = findings(SCANNER, member(made(module, attribute), "model.pkl"))
        assert found.message == f"pickle imports {module}.{attribute}"
        standard = module.partition(".")[0] not in {"sklearn", "pandas", "torch", "numpy", "cloudpickle", "dill"}
        if module not in {"transformers", "pip"}:
            assert found.severity == (Severity.CRITICAL if standard else Severity.HIGH)


@pytest.mark.parametrize("container", ["zip", "torch"])
def test_the_classes_of_a_torchscript_archive_are_its_own(container: str) -> None:
    """Their code is TorchScript's, in the same archive; elsewhere the name is one like any other."""
    data = b"\x80\x02c__torch__.nets.___torch_mangle_0\nNet\n)\x81}X\x01\0\0\0aK\x01sb."
    assert rules(SCANNER, member(data, "archive/data.pkl", container=container)) == set()
    for one in (
        member(data, "archive/data.pkl"),
        member(data, "data.pkl", container=container),
        member(data, "archive/model.pkl", container=container),
    ):
        assert rules(SCANNER, one) == {"pickle-name-not-allowed"}
    other = data.replace(b"__torch__", b"__torchy_")
    assert rules(SCANNER, member(other, "archive/data.pkl", container=container)) == {"pickle-name-not-allowed"}
    evil = b"\x80\x02cos\nsystem\n)\x81."
    assert rules(SCANNER, member(evil, "archive/data.pkl", container=container)) == {"pickle-runs-code"}


def test_a_line_of_the_users_adds_names_and_takes_none_away() -> None:
    mine = pickles.build({"allow": ["acme.nets: Net  # ours", "acme.ops.*: Class", "acme.ops.shell.*: -"]})
    verdicts = {
        ("acme.nets", "Net"): set(),
        ("acme.nets", "Other"): {"pickle-name-not-allowed"},
        ("acme.nets.deep", "Net"): {"pickle-name-not-allowed"},
        ("acme.ops", "Conv"): set(),
        ("acme.ops.deep.er", "Conv"): set(),
        ("acme.ops", "run"): {"pickle-name-not-allowed"},
        ("acme.ops.shell", "Shell"): {"pickle-name-not-allowed"},
        ("acme.ops.shell.deep", "Shell"): {"pickle-name-not-allowed"},
        ("acmes.ops", "Conv"): {"pickle-name-not-allowed"},
        ("collections", "OrderedDict"): set(),
        ("os", "system"): {"pickle-runs-code"},
    }
    assert {key: rules(mine, member(made(*key), "a.pkl")) for key in verdicts} == verdicts


def test_a_line_without_a_colon_allows_nothing() -> None:
    assert Global("os", "system") not in Allowed(["os", "os system", "# os: system", ": system", "os:"])


def test_the_version_tells_how_long_the_list_is() -> None:
    assert pickles.build({"allow": ["a: B"]}).version != pickles.build({}).version


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_name_of_the_standard_library_is_allowed_but_those_listed(module: str, attribute: str) -> None:
    """Whatever stands around it."""
    for odd in (f"os.{module}", f"{module}.os", f"os{module}", f"subprocess.{module}"):
        assert Global(odd, attribute) not in ALLOWED
        assert Global(odd, "system") not in ALLOWED
    assert runs_code(Global(f"os.{module}", attribute))


@pytest.mark.parametrize(
    "attribute", ["Path.unlink", "Class", "A.b", "Ünicode.x", "A b", "A\n", "", "9A", "A-", "__Class"]
)
def test_only_a_plain_name_is_one_of_a_class(attribute: str) -> None:
    assert (Global("sklearn.svm", attribute) in ALLOWED) == (attribute == "Class")


def test_each_name_is_told_once_though_imported_often() -> None:
    data = b"\x80\x04](" + name("acme", "Net") * 50 + name("acme", "Other") + b"e."
    told = [fact.message for fact in facts(data) if isinstance(fact, Finding)]
    assert told == ["pickle imports acme.Net", "pickle imports acme.Other"]

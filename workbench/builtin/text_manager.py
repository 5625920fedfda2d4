"""Training text: finding, fetching and keeping models, one intent for each thing a person may want to do.

The form is that of `workbench.builtin.text_verbs`: (goals for the shared wraps, whole phrasings, answer).
"""

# ruff: noqa: E501  (one phrasing a line, however long)
from __future__ import annotations

MANAGER: dict[str, tuple[str, str, str]] = {
    "browse": (
        """
        [browse|look through|explore|go through] [models|the hub|hugging face|the model hub|the catalogue|models on the hub]
        [find|look for|search for|discover|shop for] [a model|new models|a new model|models|an llm|another model|a small model|a better model|something new] [on the hub|on hugging face|to download|online|in a widget|by clicking|]
        [open|show|see|bring up] the [model browser|browser of models|model catalogue|hub browser|model search]
        [pick|choose|select] [a model|an llm] [to download|from the hub|from hugging face|with filters|by clicking]
        [filter|narrow] models by [size|quantization|licence|format|task|architecture]
        """,
        """
        model browser
        browse models
        browse
        browser?
        hugging face models
        where do new models come from
        i want a new model
        i want another model
        wb.browse
        what does wb.browse do
        what is wb.browse for
        catalogue of models
        hub in the notebook
        find me something small
        which verb finds new models
        """,
        'Call `wb.browse()`: a model browser with filters; a click downloads one.\n\n```python\nwb.browse("qwen 4bit")\n```',
    ),
    "search": (
        """
        search [the hub|hugging face|for models|models] [from code|in code|in a script|as a list|as a table|as a dataframe|without a widget]
        [get|have] [search results|models of the hub|hub models] as [a list|a dataframe|a frame|data]
        [sort|order|rank] [models of the hub|hub models|search results] by [downloads|likes|quality|size]
        """,
        """
        wb.search
        what does wb.search do
        what is wb.search for
        search in code
        search results as a frame
        search for models in a script
        list hub models in python
        """,
        'Call `wb.search()`; the result is a list with `.to_frame()`:\n\n```python\nfound = wb.search("qwen", quantization="4bit", sort="downloads")\n```',
    ),
    "download": (
        """
        [download|fetch|pull|install|get] [a model|models|a new model|weights|a model from hugging face|a model from the hub|an llm|one of them]
        [bring|get|put|load] [a model|an llm|weights] [to my machine|to my disk|onto this computer|onto my mac|here|on my laptop]
        [download|fetch|pull|install|get] [qwen|llama|mistral|gemma|phi|deepseek|tinyllama]
        """,
        """
        download a model
        model download
        download
        download?
        how are models downloaded
        install a model
        ollama pull
        i need the weights
        wb.download
        what does wb.download do
        what is wb.download for
        which verb downloads
        """,
        'Call `wb.download()` with a model id:\n\n```python\nd = wb.download("mlx-community/Llama-3.2-1B-Instruct-4bit")\nd.result()\n```',
    ),
    "pause": (
        """
        [pause|stop|interrupt|halt|hold|suspend] [a download|the download|downloading]
        [resume|continue|go on with] [a download|the download|a broken download|an interrupted download]
        [cancel|abort] [a download|the download]
        """,
        """
        my download broke off
        the download was interrupted
        download stopped
        the network failed while downloading
        does a download resume
        resume a download
        pause button for downloads
        downloading was cut off
        do i lose what was downloaded
        """,
        "A download keeps every byte and goes on where it stopped:\n\n```python\nd.pause()\nd.resume()\n```",
    ),
    "downloads": (
        """
        [see|show|watch|check|list|follow] [the downloads|my downloads|all downloads|running downloads|the download progress|how far a download is|the queue of downloads|the percent]
        [know|see|check] [how long|how much longer] [a download|the download|it] [takes|needs]
        """,
        """
        downloads
        downloads?
        download progress
        download queue
        how far is it
        how far is my download
        progress of a download
        wb.downloads
        what does wb.downloads do
        what is downloading right now
        percent done
        """,
        "Call `wb.downloads()`: percent, size, speed and time left of each.\n\n```python\nwb.downloads()\n```",
    ),
    "is_available": (
        """
        [check|test|know|see|tell] [if|whether] a model is [downloaded|fully downloaded|on my disk|complete|available offline]
        """,
        """
        is a model downloaded
        is it downloaded already
        is the download complete
        wb.is_available
        what does wb.is_available do
        do i have this model already
        """,
        'Call `wb.is_available()`:\n\n```python\nwb.is_available("mlx-community/Llama-3.2-1B-Instruct-4bit")\n```',
    ),
    "library": (
        """
        [see|show|check|know|find out] [what takes my disk|disk usage|how much disk the models take|how much space models need|where the gigabytes went|the storage|storage of models]
        [open|show|see|bring up] [the library|my library|the model library|the storage overview]
        [manage|organise|tidy|clean up] [models|my models|my disk|the model folder|downloaded models]
        [find|see|show] [duplicates|models stored twice|duplicate models|wasted space]
        """,
        """
        library
        library?
        model library
        disk is full
        my disk is full
        disk space
        storage
        storage overview
        how big are my models
        duplicates
        stored twice
        models of lm studio on my disk
        wb.library
        what does wb.library do
        what is wb.library for
        """,
        "Call `wb.library()`: what is on this disk, what it takes, what is stored twice.\n\n```python\nwb.library()\n```",
    ),
    "delete": (
        """
        [delete|remove|erase|throw away|get rid of|wipe] [a model|models|old models|downloaded models|a downloaded model] [from disk|from my disk|from the cache|on disk|for good|]
        [free|get back|reclaim|save] [disk space|space on my disk|space on disk|disk]
        """,
        """
        delete a model
        delete a model from disk
        delete models
        remove old models
        delete downloaded weights
        uninstall a model
        free disk space
        """,
        "Plan it first, then execute the plan:\n\n```python\nlib = wb.library()\nplan = lib.plan_delete([model])\nlib.execute(plan)\n```",
    ),
    "verify": (
        """
        [verify|validate|check] [a download|the files|a model|the weights|the checksum|checksums|a model's files]
        [see|check|know] [if|whether] [a model|the files|a file|the weights] [is damaged|are damaged|is corrupt|are corrupt|are intact|is intact]
        """,
        """
        checksum
        sha256
        corrupt model
        damaged weights
        verify files
        is my model damaged
        """,
        "The library computes the checksums:\n\n```python\nlib = wb.library()\nlib.verify([model])\n```",
    ),
    "import_model": (
        """
        [import|add|use|take in|register|load] [a gguf|a gguf file|my own model|a local file|a file from disk|a model file|a folder with a model|a model from a folder|my own weights]
        """,
        """
        i have a gguf file
        i have a model file
        gguf
        gguf file
        my own weights
        model in a folder
        use a file from my downloads folder
        """,
        'Name the file itself, or import it into the library:\n\n```python\nwb.chat("~/Downloads/model.gguf")\nwb.library().import_model("~/Downloads/model.gguf")\n```',
    ),
    "quantize": (
        """
        [quantize|compress|shrink|convert] [a model|my model|models|a model to 4 bit|a model to 8 bit|weights]
        make a model [smaller|use less memory|4 bit]
        """,
        """
        quantize
        quantization
        4 bit version of a model
        make it smaller
        shrink a model
        """,
        "The library makes a smaller copy:\n\n```python\nlib = wb.library()\nlib.quantize(model, bits=4)\n```",
    ),
    "recommend": (
        """
        [recommend|suggest|propose|advise] [a model|models|an llm|something|a good model|one]
        [know|find out|see|learn] [which|what] model [suits|is best for|is good for|fits|runs well on] [my machine|this machine|my mac|this computer|my laptop|me]
        [get|have] [a recommendation|recommendations|a suggestion|advice on models]
        """,
        """
        recommend a model
        recommendation
        suggestions
        which model should i use
        which model should i take
        which model should i download
        which llm is best for my mac
        what is a good model
        a good model for my laptop
        best model for 16 gb
        wb.recommend
        what does wb.recommend do
        which model do you recommend
        where do i start with models
        """,
        "Call `wb.recommend()`: what suits this machine's memory, and why.\n\n```python\nwb.recommend()\n```",
    ),
    "curated": (
        """
        [see|show|list] the [curated|chosen|hand-picked|picked] [models|list|list of models]
        """,
        """
        curated list
        curated models
        hand-picked models
        wb.curated
        what does wb.curated do
        well known good models
        """,
        "Call `wb.curated()`: a short list of good models, with a reason for each.\n\n```python\nwb.curated()\n```",
    ),
    "fit": (
        """
        [know|see|check|find out|test|tell] [if|whether] a model [fits|fits in memory|fits my machine|is too big|runs on my machine|would fit|will fit]
        [know|see|check|estimate|compute|find out] [how much memory|how much ram|the memory] a model [needs|takes|would need|will take]
        """,
        """
        does it fit
        will it fit
        does a model fit in my memory
        is it too big
        is the model too big for my mac
        memory estimate
        memory needed
        how much ram does a model need
        wb.fit
        what does wb.fit do
        kv cache size
        """,
        'Call `wb.fit()`: weights, KV cache and overhead against this machine\'s memory.\n\n```python\nwb.fit("mlx-community/Qwen3-4B-4bit", context=8192)\n```',
    ),
}

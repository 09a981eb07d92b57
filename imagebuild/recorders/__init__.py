"""Where it is kept which image a deployment runs: one file each, one line here."""

RECORDERS = {"prefect": "imagebuild.recorders.prefect:PrefectRecorder"}

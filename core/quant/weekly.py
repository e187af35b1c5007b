"""The feature set `weekly`: what the weekly ranker reads of each instrument."""

from __future__ import annotations

from core.quant.features import FeatureSet
from core.quant.market_features import MARKET_FEATURES
from core.quant.price_features import PRICE_FEATURES
from core.quant.volume_features import VOLUME_FEATURES

WEEKLY = FeatureSet("weekly", PRICE_FEATURES + VOLUME_FEATURES + MARKET_FEATURES, is_ranked=True)

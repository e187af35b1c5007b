"""Small made-up files of brokers, and how the tests read them."""

from __future__ import annotations

from adapters.statements.opened import opened
from adapters.statements.registry import importer_of
from core.domain.statement import Event, Statement

FREETRADE = """\
Title,Type,Timestamp,Account Currency,Total Amount,Buy / Sell,Ticker,ISIN,Price per Share in Account Currency,\
Stamp Duty,Quantity,Order ID,Instrument Currency,FX Fee Amount,Dividend Withheld Tax Amount
Acme,ORDER,2024-03-04T10:00:00.000Z,GBP,102.50,BUY,ACME,US0000000001,10.00,1.50,10.00000000,A1,GBP,1.00,
Acme,ORDER,2024-03-05T10:00:00.000Z,GBP,59.00,SELL,ACME,US0000000001,12.00,0.00,5.00000000,A2,GBP,1.00,
Acme,DIVIDEND,2024-04-04T10:00:00.000Z,GBP,0.93,,ACME,US0000000001,,,5.0,,USD,0.00,0.21
Free,FREESHARE_ORDER,2024-02-01T10:00:00.000Z,GBP,11.04,BUY,FREE,US0000000002,11.04,0.00,1.0,A3,USD,0.00,
Interest,INTEREST_FROM_CASH,2024-04-05T00:00:00.000Z,GBP,0.10,,,,,,,,,,
Top up,TOP_UP,2024-01-01T00:00:00.000Z,GBP,200.00,,,,,,,,,,
Report,TAX_PAPER,2024-04-06T00:00:00.000Z,GBP,1.00,,,,,,,,,,
"""

TRADING212 = """\
Action,Time,ISIN,Ticker,Name,No. of shares,Price / share,Currency (Price / share),Exchange rate,Result,\
Currency (Result),Total,Currency (Total),Withholding tax,Currency (Withholding tax),Notes,ID,\
Currency conversion fee,Currency (Currency conversion fee)
Deposit,2024-01-01 00:15:20.149,,,,,,,,,,3000.00,"GBP",,,"",d1,,
Market buy,2024-01-02 16:10:05.175,US0000000001,ACME,"Acme",10.0000000000,125.00,USD,1.25,,"GBP",1002.00,"GBP",,,,o1,2.00,"GBP"
Limit sell,2024-01-03 16:10:05.175,GB0000000001,PENNY,"Penny",100.0,250.00,GBX,100,,"GBP",250.00,"GBP",,,,o2,,
Dividend (Dividend),2024-03-23 18:35:26,US0000000001,ACME,"Acme",10.0,0.03,USD,Not available,,,0.11,"GBP",0.02,USD,,,,
Result adjustment,2024-01-04 13:12:49.174,,,,,,,,,,0.75,"GBP",,,"Withholding tax refund - interest on cash Q4.",a1,,
Withdrawal,2024-05-26 16:18:16.235,,,,,,,,,,-20.00,"GBP",,,"",w1,,
Card cashback,2024-05-27 16:18:16.235,,,,,,,,,,0.20,"GBP",,,"",c1,,
"""

ETORO = """\
Date,Type,Details,Amount,Units,Realized Equity Change,Realized Equity,Balance,Position ID,Asset type,NWA
02/01/2024 00:10:33,Dividend,ACME/USD,0.17,-,0.17,"4,581.91",99.60,11,Stocks,0.00
02/01/2024 00:10:33,Dividend,ACME/USD,0.17,-,0.17,"4,581.91",99.77,11,Stocks,0.00
03/01/2024 13:09:09,Withdraw Request,-,"-1,000.11",-,"-1,000.11","4,581.91",0.00,-,,0.00
03/01/2024 13:09:09,Withdrawal Conversion Fee,-,-1.36,-,0.00,"4,581.91",0.00,-,,0.00
09/01/2024 15:30:40,Position closed,ACME/USD,18.43,0.102626,7.37,"4,581.91",0.00,11,Stocks,0.00
09/01/2024 15:37:16,Open Position,ACME/USD," 1 049,88 ",0.337209," 0,00 "," 4 581,91 "," 0,00 ",12,Stocks," 0,00 "
14/04/2020 14:00:25,Open Position,ACME/USD,100.00,0.398451,0.00,212.87,12.87,13,CFD,0.00
15/04/2020 00:46:41,Overnight fee,Daily,"(0,10)",-,"(0,10)"," 212,77 "," 12,77 ",13,CFD," 0,00 "
"""

DEGIRO = """\
Datum,Tijd,Valutadatum,Product,ISIN,Omschrijving,FX,Mutatie,,Saldo,,Order Id
17-12-2022,09:51,16-12-2022,,,iDEAL Deposit,,EUR,"27,80",EUR,"1,35",
17-12-2022,09:51,16-12-2022,,,Reservation iDEAL / Sofort Deposit,,EUR,"-27,80",EUR,"-26,45",
16-12-2022,09:05,15-12-2022,ACME CORP,US0000000001,Dividend,,USD,"0,44",USD,"1,36",
16-12-2022,09:05,15-12-2022,ACME CORP,US0000000001,Dividendbelasting,,USD,"-0,07",USD,"0,92",
15-12-2022,16:55,15-12-2022,ACME CORP,US0000000001,Valuta Creditering,"1,0624",USD,"33,90",USD,"0,00",5925d76b-
,,,,,,,,,,,b017
15-12-2022,16:55,15-12-2022,ACME CORP,US0000000001,Valuta Debitering,,EUR,"-31,91",EUR,"0,07",5925d76b-b017
15-12-2022,16:55,15-12-2022,ACME CORP,US0000000001,DEGIRO Transactiekosten en/of kosten van derden,\
,EUR,"-1,00",EUR,"31,98",5925d76b-b017
15-12-2022,16:55,15-12-2022,ACME CORP,US0000000001,"Koop 1 @ 33,9 USD",,USD,"-33,90",USD,"-33,90",5925d76b-b017
15-05-2019,09:05,15-05-2019,FUND A,IE0000000001,"Compra 6 FUND A@49,785 EUR (IE0000000001)",,EUR,-298.71,EUR,0.64,a47e
02-04-2024,09:00,02-04-2024,PENNY,GB0000000001,Sell 4 PENNY@496 GBX (GB0000000001),,GBP,19.84,GBP,114.31,86c1
08-03-2024,11:25,08-03-2024,WRONG CORP,JP0000000001,"Koop 30 @ 22,4 EUR",,EUR,-9999.99,EUR,9999.99,5416
23-02-2023,04:21,23-02-2023,OLD LTD,AU0000000001,"PRODUCTWIJZIGING : Koop 500 @ 0,039 EUR",,EUR,0,EUR,18.3,
"""

SCHWAB = """\
Date,Action,Symbol,Description,Quantity,Price,Fees & Comm,Amount
11/01/2023,Reinvest Shares,SPY,SPDR ETF,1.6531,$420.10,,-$694.48
10/31/2023,Reinvest Dividend,SPY,SPDR ETF,,,,$694.48
08/22/2023,Sell,FUND,A FUND,"1,000.5",$8.00,$10.00,"$7,994.00"
04/21/2023,Advisor Fee,,TO ADVISOR,,,,-$26.58
04/21/2023,Advisor Fee,,TO ADVISOR,,,,-$26.58
09/06/2024,Foreign Tax Paid,IBN,A BANK,,,,-$1.30
05/22/2023,Journaled Shares,FUND,A FUND,-877,$22.91,,
10/18/2023,Wire Sent,,WIRED FUNDS,,,,-$100000.00
07/15/2024 as of 07/12/2024,Stock Split,AVGO,BROADCOM INC,9,$170.067,,
08/16/2024 as of 08/15/2024,Credit Interest,,INTEREST,,,,$1.63
Transactions Total,,,,,,,"-$26,582.91"
"""

IBKR_HISTORY = """\
Statement,Header,Field Name,Field Value
Statement,Data,Title,Transaction History
Summary,Header,Field Name,Field Value
Summary,Data,Base Currency,GBP
Transaction History,Header,Date,Account,Description,Transaction Type,Symbol,Quantity,Price,Gross Amount ,Commission,Net Amount
Transaction History,Data,2025-11-03,U***1,VT(US9220427424) Cash Dividend USD 0.50,Dividend,VT,-,-,20.0,-,20.0
Transaction History,Data,2025-11-03,U***1,VT(US9220427424) Cash Dividend - US Tax,Foreign Tax Withholding,VT,-,-,-3.0,-,-3.0
Transaction History,Data,2025-11-30,U***1,FX Translations P&L,Adjustment,-,-,-,0.55,-,0.55
Transaction History,Data,2025-08-15,U***1,A FUND,Sell,CNX1,-2.0,1001.00,2002.0,-3.0,1999.0
Transaction History,Data,2025-03-15,U***1,A FUND,Buy,CNX1,4.0,1000.0,-4000.0,-3.0,-4003.0
Transaction History,Data,2025-02-01,U***1,Withholding @ 30% on Credit Interest,Foreign Tax Withholding,-,-,-,-3.9,-,-3.9
Transaction History,Data,2025-01-01,U***1,Electronic Fund Transfer,Deposit,-,-,-,5000.0,-,5000.0
"""

IBKR_ACTIVITY = """\
Statement,Header,Field Name,Field Value
Statement,Data,BrokerName,Interactive Brokers
Statement,Data,Title,Activity Statement
Account Information,Header,Field Name,Field Value
Account Information,Data,Base Currency,USD
Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,C. Price,Proceeds,Comm/Fee,\
Basis,Realized P/L,MTM P/L,Code
Trades,Data,Order,Stocks,USD,ACME,"2024-01-10, 10:30:00","1,000",190,195,"-190,000",-1,"190,001",0,50,O
Trades,Data,Order,Stocks,EUR,SHOP,"2024-02-01, 09:15:00",-20,150,150,3000,-4,3004,0,0,C;P
Trades,Data,ClosedLot,Stocks,EUR,SHOP,"2024-01-01, 09:15:00",20,150,,,,3004,0,,
Trades,SubTotal,,Stocks,USD,ACME,,"1,000",,,"-190,000",-1,"190,001",0,50,
Trades,Data,Order,Equity and Index Options,USD,ACME 240621C00180000,"2024-05-01, 10:00:00",1,5.2,5.5,-520,-0.65,520.65,0,30,O
Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,,Proceeds,Comm in USD,,,\
MTM in USD,Code
Trades,Data,Order,Forex,USD,EUR.USD,"2024-02-01, 12:00:00",-1000,1.08,,1080,-2,,,0,
Deposits & Withdrawals,Header,Currency,Settle Date,Description,Amount
Deposits & Withdrawals,Data,USD,2023-06-01,Electronic Fund Transfer,20000
Deposits & Withdrawals,Data,USD,2024-09-01,Disbursement,-500
Deposits & Withdrawals,Data,Total,,,19500
Dividends,Header,Currency,Date,Description,Amount
Dividends,Data,USD,2024-08-15,ACME(US0000000001) Cash Dividend USD 0.24 per Share (Ordinary Dividend),15
Dividends,Data,Total in USD,,,15
Withholding Tax,Header,Currency,Date,Description,Amount,Code
Withholding Tax,Data,USD,2024-08-15,ACME(US0000000001) Cash Dividend USD 0.24 per Share - US Tax,-2.25,
Withholding Tax,Data,USD,2024-08-15,ACME tax refund,1.00,
Interest,Header,Currency,Date,Description,Amount
Interest,Data,USD,2024-07-01,USD Debit Interest for Jun-2024,-0.73
Fees,Header,Subtitle,Currency,Date,Description,Amount
Fees,Data,Other Fees,EUR,2024-06-01,Withdrawal Fee,-11
Fees,Data,Total,,,,-11
Corporate Actions,Header,Asset Category,Currency,Report Date,Date/Time,Description,Quantity,Proceeds,Value,Code
Corporate Actions,Data,Stocks,USD,2024-06-10,"2024-06-07, 20:25:00",\
"ACME(US0000000001) Split 10 for 1 (ACME, ACME INC, US0000000001)",900,0,0,
Corporate Actions,Data,Stocks,USD,2024-07-10,"2024-07-09, 20:25:00",\
"OLD(US0000000002) Split 1 for 20 (OLD.OLD, OLD CORP, US0000000002)",-400,0,0,
Corporate Actions,Data,Stocks,USD,2024-07-10,"2024-07-09, 20:25:00",\
"OLD(US0000000002) Split 1 for 20 (OLD, OLD CORP, US0000000003)",20,0,0,
Corporate Actions,Data,Stocks,USD,2024-08-10,"2024-08-09, 20:25:00",\
"ACME(US0000000001) Spinoff 1 for 5 (NEW, NEW CORP, US0000000004)",20,0,0,
Corporate Actions,Data,Total,,,,,0,0,
"""

IBKR_FLEX_TRADES = """\
"Buy/Sell","TradeDate","ISIN","Quantity","TradePrice","TradeMoney","CurrencyPrimary","IBCommission","IBCommissionCurrency"
"BUY","20230522","CH0000000001","7","282.7","1978.9","CHF","-5","CHF"
"SELL","20230522","","-8000","1.1173","-8938.4","USD","-1.79924","CHF"
"""

IBKR_FLEX_CASH = """\
"Type","SettleDate","ISIN","Description","Amount","CurrencyPrimary"
"Dividends","20230623","US9220427424","VT(US9220427424) CASH DIVIDEND USD 0.6504 PER SHARE","137.23","USD"
"Withholding Tax","20230623","US9220427424","VT(US9220427424) CASH DIVIDEND - US TAX","-20.58","USD"
"Bill Pay","20230624","","A BILL","-1","USD"
"""

IBKR_XML = """\
<FlexQueryResponse queryName="A" type="AF">
<FlexStatements count="1">
<FlexStatement accountId="U1">
<CashReport>
<CashReportCurrency currency="EUR" endingCash="1" />
</CashReport>
<Trades>
<Trade accountId="U1" currency="EUR" assetCategory="STK" symbol="F1F" isin="DE0000000001" multiplier="1" tradeDate="20221202" \
dateTime="20221202;062611" transactionID="1" buySell="BUY" quantity="450" tradePrice="5.432" proceeds="-2444.4" taxes="-1" \
ibCommission="-2.4444" ibCommissionCurrency="EUR" levelOfDetail="EXECUTION" />
<Order accountId="U1" levelOfDetail="ORDER" />
<Trade accountId="U1" currency="EUR" assetCategory="STK" symbol="F1F" multiplier="1" tradeDate="20221202" transactionID="2" \
buySell="BUY (Ca.)" quantity="-450" tradePrice="5.432" proceeds="2444.4" />
<Trade accountId="U1" currency="USD" assetCategory="CASH" symbol="EUR.USD" multiplier="1" tradeDate="20221221" \
transactionID="3" buySell="SELL" quantity="-133" tradePrice="1.0596" \
proceeds="140.9268" ibCommission="-1.8" ibCommissionCurrency="EUR" />
<Trade accountId="U1" currency="USD" assetCategory="OPT" symbol="ORCL P50" multiplier="100" tradeDate="20170907" \
transactionID="4" buySell="SELL" quantity="-1" tradePrice="0.53" \
proceeds="53" ibCommission="-3.5" ibCommissionCurrency="USD" />
<Trade accountId="U1" currency="EUR" assetCategory="FUT" symbol="FDAX" multiplier="25" tradeDate="20181109" transactionID="5" \
buySell="BUY" quantity="1" tradePrice="11463" proceeds="-286575" />
</Trades>
<CorporateActions>
<CorporateAction accountId="U1" symbol="GCM" isin="CA0000000002" dateTime="2013-06-17, 20:25:00" reportDate="2013-06-18" \
quantity="480" description="GCM(CA0000000001) SPLIT 1 FOR 25 (GCM, GOLD CORP, CA0000000002)" />
<CorporateAction accountId="U1" symbol="GCM.OLD" isin="CA0000000001" dateTime="2013-06-17, 20:25:00" reportDate="2013-06-18" \
quantity="-12000" description="GCM(CA0000000001) SPLIT 1 FOR 25 (GCM.OLD, GOLD CORP, CA0000000001)" />
<CorporateAction accountId="U1" symbol="JMLP" reportDate="20200511" quantity="-367" description="JMLP(US0000000001) MERGED" />
</CorporateActions>
<CashTransactions>
<CashTransaction accountId="U1" type="Dividends" symbol="SGN" isin="US0000000003" currency="USD" amount="10.56" \
dateTime="20200818;202000" transactionID="7" levelOfDetail="DETAIL" />
<CashTransaction accountId="U1" type="Withholding Tax" symbol="SGN" isin="US0000000003" currency="USD" amount="-1.58" \
dateTime="20200818;202000" transactionID="8" levelOfDetail="DETAIL" />
<CashTransaction accountId="U1" type="Dividends" symbol="SGN" currency="USD" amount="10.56" dateTime="20200818" \
levelOfDetail="SUMMARY" />
<CashTransaction accountId="U1" type="Deposits/Withdrawals" currency="EUR" amount="-100" dateTime="20220504" \
transactionID="9" />
</CashTransactions>
</FlexStatement>
</FlexStatements>
</FlexQueryResponse>
"""


def statement_of(text: str, name: str = "made up.csv") -> Statement:
    """Read a file's text with the importer that knows it."""
    file = opened(name, text.encode())
    return importer_of(file).read(file)


def events(text: str) -> list[Event]:
    """Give the events of a file in the order of its rows."""
    return [one.row.event for one in statement_of(text).rows]


def why(text: str) -> dict[int, str]:
    """Give the lines that are not understood, each with the reason."""
    return {one.line: one.why for one in statement_of(text).unread}


def asides(text: str) -> dict[int, str]:
    """Give the lines that tell no event, each with what it is."""
    return {one.line: one.what for one in statement_of(text).asides}

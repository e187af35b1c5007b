"""Made-up files of Wealthsimple in the forms that public importers read: two headings of the activities, and a statement."""

from __future__ import annotations

_LATE = "account_type,activity_type,activity_sub_type,description,direction,symbol,name,currency,quantity,unit_price,commission"
_EARLY = "account_type,activity_type,activity_sub_type,direction,symbol,name,currency,quantity,unit_price,commission"

ACTIVITIES = f"""\
effective_date,effective_time,settlement_date,account_id,{_LATE},net_cash_amount
2026-01-05,10:00:00,,AA1CAD,TFSA,MoneyMovement,EFT,Deposit,,,,CAD,5000,,,5000
2026-01-06,10:01:02,2026-01-07,AA1CAD,TFSA,Trade,BUY,"ACME - Acme: Bought 10 shares",LONG,ACME,Acme,CAD,10,40.00,1.25,-401.25
2026-01-07,10:01:02,2026-01-08,AA1CAD,TFSA,Trade,SELL,ACME: Sold 2 shares,LONG,ACME,Acme,CAD,-2,41.1234567891,0,82.25
2026-02-02,00:00:00,,AA1CAD,TFSA,Dividend,-,ACME: Cash dividend distribution,,ACME,Acme,CAD,4.21,,,4.21
2026-02-02,09:30:00,2026-02-03,AA1CAD,TFSA,Trade,DRIP,,LONG,ACME,Acme,CAD,0.1053,39.98,0,-4.21
2026-02-02,00:00:00,,AA1CAD,TFSA,Dividend,-,ACME: Cash dividend distribution,,ACME,Acme,CAD,4.21,,,4.21
2026-02-03,00:00:00,,AA1CAD,TFSA,Interest,-,Stock lending,,,,USD,0.014999,,,0.014999
2026-02-04,12:00:00,,AA1CAD,TFSA,FxExchange,-,Convert,,,,CAD,-137.00,,,-137.00
2026-02-04,12:00:00,,AA1CAD,TFSA,FxExchange,-,Convert,,,,USD,100.00,,,100.00
2026-02-05,00:00:00,,BB2USD,RRSP,NonResidentTax,-,Non-resident tax,,US,A US Company,USD,-2.15,,,-2.15
2026-02-05,00:00:00,,BB2USD,RRSP,Tax,NRT,Non-resident tax,,,,USD,-2.15,,,-2.15
2026-02-06,00:00:00,,BB2USD,RRSP,SecurityTransfer,-,Transfer of 363 shares into the account,LONG,XSB,A fund,CAD,363,,,9706.62
2026-02-07,00:00:00,,AA1CAD,TFSA,Fee,-,Subscription fee,,,,CAD,-9.00,,,-9.00
2026-02-08,00:00:00,,AA1CAD,TFSA,MoneyMovement,TRANSFER,Money transfer out of the account,,,,CAD,-500,,,-500
2026-02-09,00:00:00,,AA1CAD,TFSA,CorporateAction,CONSOLIDATION,,LONG,OLD,Old Corp,,-300,,,
2026-02-09,00:00:00,,AA1CAD,TFSA,CorporateAction,CONSOLIDATION,,LONG,OLD,Old Corp,,30,,,
2026-02-09,00:00:00,,BB2USD,RRSP,CorporateAction,CONSOLIDATION,,LONG,OLD,Old Corp,,-33.333,,,
2026-02-09,00:00:00,,BB2USD,RRSP,CorporateAction,CONSOLIDATION,,LONG,OLD,Old Corp,,3.3333,,,
2026-02-10,00:00:00,,AA1CAD,TFSA,CorporateAction,SPLIT,ACME: 3 for 1,LONG,ACME,Acme,,16.2106,,,
2026-02-11,00:00:00,,AA1CAD,TFSA,CorporateAction,SUBDIVISION,Corrected quantity of shares by 8,LONG,MORE,More Corp,,8,,,
2026-02-12,00:00:00,,AA1CAD,TFSA,ReturnOfCapital,-,Return of capital,,ACME,Acme,CAD,10.50,,,10.50
2026-02-13,00:00:00,,AA1CAD,TFSA,ListingSwap,-,,LONG,DLR,A currency fund,,430,,,
2026-02-13,00:00:00,,AA1CAD,TFSA,ListingSwap,-,,,,,CAD,-9.75,,,-9.75
2026-02-14,00:00:00,,AA1CAD,TFSA,Trade,STO,,SHORT,ACME 2026-10-16 250.00 C,Acme call,USD,-1,1.25,0.75,124.25
2026-02-15,00:00:00,,AA1CAD,TFSA,BonusPayment,-,A bonus,,,,CAD,25,,,25
2026-02-16,00:00:00,,AA1CAD,TFSA,Dividend,-,ACME: Cash dividend distribution,,ACME,Acme,CAD,0,,,0
"As of 2026-03-01 09:23 GMT-04:00"
"""

EARLY = f"""\
transaction_date,settlement_date,account_id,{_EARLY},net_cash_amount
2024-01-15,2024-01-17,WS-1,TFSA,Trade,BUY,LONG,ACME,Acme,USD,10,150.0,0,-1500
2024-02-01,2024-02-03,WS-1,TFSA,Trade,SELL,LONG,ACME,Acme,USD,5,160.0,0,800
2024-02-02,2024-02-02,WS-1,TFSA,MoneyMovement,E_TRFOUT,,,,CAD,,,,-300
"""

STATEMENT = """\
"date","transaction","description","amount","balance","currency"
"2025-04-01","CONT","Contribution (executed at 2025-04-01)","1000.0","1000.0","CAD"
"2025-04-03","BUY","ACME - Acme: A Company: Bought 10.0000 shares (executed at 2025-04-02), FX Rate: 1.4000",\
"-560.0","440.0","CAD"
"2025-04-04","SELL","FUND.A - A fund: Sold 1.5000 shares at $40.02 per share","60.03","500.03","CAD"
"2025-04-05","BUY","ACME - Acme: Bought 1.0000 shares at $40.00 per share (executed at 2025-04-05), FX Rate: 1.4",\
"-56.0","444.03","CAD"
"2025-04-07","LOAN","FUND.A - A fund: 2.0000 Shares on loan (executed at 2025-04-07)","0.0","444.03","FUND.A"
"2025-04-08","RECALL","FUND.A - A fund: Loan of 2.0000 shares terminated (executed at 2025-04-08)","0.0","444.03","FUND.A"
"2025-04-14","FPLINT","Stock lending monthly interest payment","0.01","444.04","CAD"
"2025-04-15","DIV","ACME - Acme: Cash dividend distribution, received on 2025-04-15, record date of 2025-04-01",\
"0.4","444.44","CAD"
"2025-04-15","NRT","ACME - Acme: Non-resident tax withheld at source (0.04 USD, convert to CAD @ 1.4)","-0.06","444.38","CAD"
"2025-04-15","NRT","Non resident tax withheld (executed at 2025-04-15)","-0.03","444.35","CAD"
"2025-04-16","TRFIN","COIN - A coin: Transfer of 0.0036 COIN into the account (executed at 2025-04-16), FX Rate: 1.3488",\
"0.0","444.35","CAD"
"2025-04-17","TRFOUTTF","Tax-free money transfer out of the account (executed at 2025-04-17)","-100.0","344.35","CAD"
"2025-04-18","FEE","Subscription fee paid for period 2025-04-18","-9.0","335.35","CAD"
"2025-04-19","BUY","Purchase of 0.0544286100 COIN (executed at 2025-04-19), FX Rate: 1.3877, Fee charged $3.94",\
"-50.0","285.35","CAD"
"2025-04-20","STKDIS","ACME - Acme: Distribution of -1.3728 shares","0.0","285.35","CAD"
"2025-04-21","BUYTOOPEN","ACME 450.00 USD CALL 2025-07-25: Bought 2 contract (executed at 2025-04-21), Fee: $1.50",\
"-20.0","265.35","USD"
"2025-04-22","EFTOUT","Withdrawal","-10.0","255.35","CAD"
"2025-04-23","CASHBACK","Cash back","1.0","256.35","CAD"
"""
